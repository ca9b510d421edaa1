import { Complaint, type Environment, explain, portAfter, readEnvironment, START } from './environment.js';
import { startChat } from './start.js';

try {
  const environment = readEnvironment(process.env);
  const { url, stop } = await startChat(environment).catch((error: unknown) => {
    throw explain(error, environment);
  });
  stopOnSignal(stop);
  tell(url, environment);
} catch (error) {
  console.error(error instanceof Complaint ? error.message : error);
  // Connections may be open.
  process.exit(1);
}

function stopOnSignal(stopChat: () => Promise<void>): void {
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    console.log('\nShutting down …');
    await stopChat();
    console.log('Goodbye.');
  };
  // Under npm, Ctrl-C arrives twice: from the terminal and from npm.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (stopped ??= stop()));
}

function tell(url: string, { OPERATOR_TOKEN, PORT, REDIS_URL }: Environment): void {
  console.log(`The chat is ready on ${url}\n`);
  console.log(`The operator's token is ${OPERATOR_TOKEN}. With it, for example:`);
  console.log(`  curl -H 'Authorization: Bearer ${OPERATOR_TOKEN}' ${url}/operator/clients\n`);
  const how =
    REDIS_URL === undefined ? 'give both a Redis: REDIS_URL=redis://127.0.0.1:6379' : 'use the same REDIS_URL:';
  console.log(`To add a second process, ${how} PORT=${portAfter(PORT)} ${START}`);
  console.log('Press Ctrl-C to stop it.');
}
