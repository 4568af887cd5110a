// The npm package "ws", in the way its documentation shows a broadcast.
//
//     node ws.js PORT
//
// A WebSocket at /s/N is in room N, one at /p/N only publishes to it; so does
// POST /p/N.

'use strict';

const http = require('http');
const { WebSocketServer, WebSocket } = require('ws');

const rooms = new Map();

function room(name) {
  if (!rooms.has(name)) {
    rooms.set(name, new Set());
  }
  return rooms.get(name);
}

function broadcast(name, data) {
  for (const client of room(name)) {
    if (client.readyState === WebSocket.OPEN) {
      client.send(data, { binary: false });
    }
  }
}

const server = http.createServer((req, res) => {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    broadcast(req.url.split('/').pop(), Buffer.concat(parts));
    res.writeHead(202);
    res.end();
  });
});

const wss = new WebSocketServer({ server, perMessageDeflate: false });

wss.on('connection', (ws, req) => {
  const name = req.url.split('/').pop();

  if (req.url.startsWith('/s')) {
    room(name).add(ws);
    ws.on('close', () => room(name).delete(ws));
  }
  ws.on('message', (data) => broadcast(name, data));
  ws.on('error', () => {});
});

server.listen(Number(process.argv[2]), '127.0.0.1', 4096);
