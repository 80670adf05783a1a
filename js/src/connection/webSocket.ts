import type { Socket, SocketListener } from "./ports.ts";

/** Opens a browser websocket. */
export function openWebSocket(url: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url);
  socket.onopen = () => listener.onOpen();
  socket.onmessage = (message) => {
    if (typeof message.data === "string") listener.onText(message.data);
  };
  socket.onclose = (event) => listener.onClose(event.code);
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    drop: () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}
