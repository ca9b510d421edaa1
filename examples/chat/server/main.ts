import { Complaint, type Environment, explain, readEnvironment, START } from './environment.js';
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
  process.exitCode = 1;
}

function stopOnSignal(chat: RunningChat): void {
  let stopping = false;
  const stop = async (): Promise<void> => {
    // Under npm, Ctrl-C arrives twice: from the terminal and from npm.
    if (stopping) return;
    stopping = true;
    console.log('\nShutting down …');
    await chat.stop();
    console.log('Goodbye.');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function tell({ url }: RunningChat, { operatorToken, port, redisUrl }: Environment): void {
  console.log(`The chat is ready on ${url}\n`);
  console.log(`The operator's token is ${operatorToken}. With it, for example:`);
  console.log(`  curl -H 'Authorization: Bearer ${operatorToken}' ${url}/operator/clients\n`);
  const another = `PORT=${port < 65_535 ? port + 1 : 3000} ${START}`;
  if (redisUrl === undefined) {
    console.log(`To add a second process, give both a Redis: REDIS_URL=redis://127.0.0.1:6379 ${another}`);
  } else console.log(`To add a second process, use the same REDIS_URL: ${another}`);
  console.log('Press Ctrl-C to stop it.');
}
