import { Complaint, type Environment, explain, portAfter, readEnvironment, START } from './environment.js';
import { type RunningChat, startChat } from './start.js';

try {
  const environment = readEnvironment(process.env);
  const chat = await startChat(environment).catch((error: unknown) => {
    throw explain(error, environment);
  });
  stopOnSignal(chat);
  tell(chat, environment);
} catch (error) {
  console.error(error instanceof Complaint ? error.message : error);
  // Connections may be open.
  process.exit(1);
}

function stopOnSignal(chat: RunningChat): void {
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    console.log('\nShutting down …');
    await chat.stop();
    console.log('Goodbye.');
  };
  // Under npm, Ctrl-C arrives twice: from the terminal and from npm.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (stopped ??= stop()));
}

function tell({ url }: RunningChat, { OPERATOR_TOKEN, PORT, REDIS_URL }: Environment): void {
  console.log(`The chat is ready on ${url}\n`);
  console.log(`The operator's token is ${OPERATOR_TOKEN}. With it, for example:`);
  console.log(`  curl -H 'Authorization: Bearer ${OPERATOR_TOKEN}' ${url}/operator/clients\n`);
  const another = `PORT=${portAfter(PORT)} ${START}`;
  if (REDIS_URL === undefined) {
    console.log(`To add a second process, give both a Redis: REDIS_URL=redis://127.0.0.1:6379 ${another}`);
  } else console.log(`To add a second process, use the same REDIS_URL: ${another}`);
  console.log('Press Ctrl-C to stop it.');
}
