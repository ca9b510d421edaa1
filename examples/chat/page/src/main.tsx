import { render } from 'preact';
import { Session, SessionContext } from './session.js';
import { App } from './ui/app.js';

const session = new Session();
session.start();

const root = document.getElementById('page');
if (root === null) throw new Error('index.html has an element "page"');
render(
  <SessionContext.Provider value={session}>
    <App />
  </SessionContext.Provider>,
  root,
);
