// Socket.IO, by WebSocket only, without compression.
//
//     node socketio.js PORT
//
// "join" ROOM enters a room and is answered "joined"; "pub" ROOM TEXT sends
// "m" TEXT to it.

'use strict';

const http = require('http');
const { Server } = require('socket.io');

const server = http.createServer();
const io = new Server(server, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  pingInterval: 60000,
  pingTimeout: 60000,
});

io.on('connection', (socket) => {
  socket.on('join', (room) => {
    socket.join(String(room));
    socket.emit('joined', room);
  });
  socket.on('pub', (room, text) => io.to(String(room)).emit('m', text));
});

server.listen(Number(process.argv[2]), '127.0.0.1', 4096);
