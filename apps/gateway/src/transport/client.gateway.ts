import { WebSocketGateway } from '@nestjs/websockets';
import { clientPath } from './client-server.js';

/** The clients' door as Nest knows it: with it there is at least one gateway class, so that Nest starts the adapter. */
@WebSocketGateway({ path: clientPath })
export class ClientGateway {}
