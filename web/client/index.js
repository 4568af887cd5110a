/* all of the client: see README.md */

export { Chat, ChatError, newNonce, parseId } from './chat.js';
export { Fold } from './fold.js';
export { Members, Typing } from './people.js';
export { Room } from './room.js';
