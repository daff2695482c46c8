/** Producers: bare sockets that POST the same push again and again, each when the one before was answered 202. */
import { connect } from 'node:net';
import { messageType, roomName, text } from '../support/message.js';

export interface ToHttp {
  port: number;
  connections: number;
  seconds: number;
}
export interface FromHttp {
  accepted: number;
  seconds: number;
}

const body = JSON.stringify({ rooms: [roomName(0)], type: messageType, data: text(1, 0) });
const question = Buffer.from(
  `POST /v1/push/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);

/** Answers how many were accepted. */
function produce(port: number, untilMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let accepted = 0;
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => void socket.write(question));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk;
      const head = answer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1]);
      if (!answer.startsWith('HTTP/1.1 202') || Number.isNaN(length)) return reject(new Error(answer));
      if (answer.length < head + 4 + length) return;
      answer = '';
      accepted += 1;
      if (performance.now() < untilMs) socket.write(question);
      else socket.end(() => resolve(accepted));
    });
    socket.on('error', reject);
  });
}

async function run({ port, connections, seconds }: ToHttp): Promise<void> {
  const began = performance.now();
  const all = Array.from({ length: connections }, () => produce(port, began + seconds * 1000));
  const accepted = (await Promise.all(all)).reduce((sum, count) => sum + count, 0);
  process.send?.({ accepted, seconds: (performance.now() - began) / 1000 });
}

process.on('message', (message: ToHttp) => void run(message));
