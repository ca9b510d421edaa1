/** What is written into a connection of an engine's when what wanted to hear of each packet hears of none. */
export const PACKET_EVENTS: readonly string[] = ['packetCreate', 'flush', 'drain'];
