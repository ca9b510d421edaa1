import { Agent, request } from 'node:http';

const CONNECT = '40{"token":"good"}';
const AUTHENTICATE = '42["authenticate"]';

/**
 * Opens a session over long polling and authenticates it. Resolves to its id once the server has sent `authenticated`.
 */
export async function authenticatedByPolling(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (sid, method, body) => exchange({ agent, port, sid, method, body });
  try {
    const { sid } = JSON.parse((await ask(undefined, 'GET')).slice(1));
    await ask(sid, 'POST', CONNECT);
    for (let seen = ''; !seen.includes('42["authenticated"'); ) {
      seen = await ask(sid, 'GET');
      if (seen.startsWith('40')) await ask(sid, 'POST', AUTHENTICATE);
    }
    return sid;
  } finally {
    agent.destroy();
  }
}

/** The text of an answer. */
export function exchange({ agent, port, sid, method, body }) {
  const path = `/io/?EIO=4&transport=polling${sid ? `&sid=${sid}` : ''}`;
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: '127.0.0.1', method, path }, (answer) => {
      let text = '';
      answer.setEncoding('latin1');
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
