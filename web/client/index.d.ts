/** Client of chat.v1; see README.md, and docs/protocol.md for the objects. */

export interface User { id: string; name?: string; guest?: boolean }
export interface Reaction { emoji: string; count: number; /** undefined: not known */ mine?: boolean }

/** A message, of an event or of a page. */
export interface Message {
    type?: 'message';
    room?: string;
    id: string;
    ts: number;
    user: User;
    text: string;
    data?: unknown;
    nonce?: string;
    thread?: string;
    mentions?: string[];
    rev?: number;
    edited?: boolean;
    deleted?: boolean;
    reactions?: Reaction[];
    replies?: number;
    last_reply?: string;
    [x_: `x_${string}`]: unknown;
}

export interface Page {
    epoch?: string; first?: number; head?: number; as_of?: number; reset?: true;
    events: Message[]; more: boolean; next?: string;
}

export interface RoomState {
    topic?: string; pinned?: string[]; slow_ms?: number; locked?: boolean;
    [x_: `x_${string}`]: unknown;
}

export type Role = 'guest' | 'member' | 'moderator' | 'owner';

export interface Joined {
    type: 'joined'; room: string; epoch: string; first: number; head: number;
    members?: number; recovered?: boolean; missed?: number | null;
    role?: Role; can?: string[]; state?: RoomState; page?: Page;
}

export interface Left { type: 'left'; room: string; reason: string; code?: string }
export interface Gap { type: 'gap'; room: string; from: number; to: number; missed: number; reason: string }
export interface Reset { type: 'reset'; room: string; missed: number | null; page: Page }
export interface Ok { type: 'ok'; room?: string; id?: string; ts?: number; duplicate?: boolean; [member: string]: unknown }
export interface Command { type: string; room?: string; nonce?: string; [member: string]: unknown }
export interface Reply { type: string; [member: string]: any }

export interface Welcome {
    type: 'welcome'; protocol: string; server: string; session: string; user: User; ts: number; features: string[];
    limits: { text: number; frame: number; rooms: number; replay: number; [name: string]: number };
    ping_ms: number; guest_token?: string;
    reconnect: { min_ms: number; max_ms: number; spread_ms: number };
}

export interface ErrorObject {
    type?: 'error'; code: string; message?: string; temporary?: boolean;
    retry_after_ms?: number; until?: number; room?: string; field?: string;
}

export class ChatError extends Error {
    code: string; temporary?: boolean; retry_after_ms?: number; until?: number; room?: string; field?: string;
    /** of the message that was refused */
    nonce?: string;
}

/** `connecting`, `online`, `offline` (it will try again), `closed` (it won't) */
export type ConnectionState = 'connecting' | 'online' | 'offline' | 'closed';
export interface StateChange {
    state: ConnectionState; transport?: 'ws' | 'stream'; code?: number | string; reason?: string; retry_ms?: number;
}

export interface Events {
    state: StateChange;
    welcome: Welcome;
    joined: Joined;
    left: Left;
    message: Message & { room: string };
    gap: Gap;
    reset: Reset;
    error: ErrorObject;
    /** whatever else the server sends: edit, delete, react, presence, typing, signal, read, room, role … */
    event: Reply;
}

export interface TokenRequest { expired: boolean; expiring?: boolean }

export interface ChatOptions {
    token?: string | ((why: TokenRequest) => string | null | undefined | Promise<string | null | undefined>);
    name?: string;
    client?: string;
    storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
    transport?: 'ws' | 'stream';
    WebSocket?: new (url: string, protocol: string) => any;
    fetch?: typeof fetch;
    credentials?: 'omit' | 'same-origin' | 'include';
    attempts?: number;
    open_ms?: number;
    pong_ms?: number;
}

export interface SendOptions { data?: unknown; thread?: string; mentions?: string[]; nonce?: string }
export interface JoinOptions { after?: string; last?: number; presence?: boolean }
export interface HistoryOptions { before?: string; after?: string; limit?: number; thread?: string; raw?: boolean }

export class Chat {
    constructor(url?: string, options?: ChatOptions);
    readonly state: ConnectionState;
    readonly transport: 'ws' | 'stream' | undefined;
    readonly user: User | null;
    readonly limits: Partial<Welcome['limits']>;
    readonly rooms: string[];
    readonly welcome: Welcome | null;
    on<K extends keyof Events>(type: K, listener: (value: Events[K]) => void): () => void;
    connect(): void;
    close(): void;
    rename(name: string): void;
    join(room: string, options?: JoinOptions): Promise<Joined>;
    leave(room: string): Promise<Left>;
    send(room: string, text: string, options?: SendOptions): Promise<Ok>;
    edit(room: string, target: string, text: string, options?: { data?: unknown; nonce?: string }): Promise<Ok>;
    delete(room: string, target: string, reason?: string): Promise<Ok>;
    react(room: string, target: string, emoji: string, on?: boolean): Promise<Ok>;
    history(room: string, options?: HistoryOptions): Promise<Page>;
    call(command: Command): Promise<Reply>;
    now(command: Command): void;
}

export function parseId(id: unknown): { epoch: string; offset: number } | null;
export function newNonce(): string;

/** The messages of a room, with what changes them folded in. */
export class Fold {
    constructor(me?: () => string | undefined);
    readonly messages: Message[];
    get(id: string): Message | undefined;
    reset(events?: Message[]): Message[];
    page(events: Message[]): Message[];
    message(m: Message): Message | null;
    event(e: Reply): Message | null;
    trim(keep: number): void;
}

export class Members {
    constructor(chat: Chat, room: string, changed?: () => void);
    readonly list: User[];
    readonly count: number;
    readonly listed: boolean;
    get(id: string): User | undefined;
    load(): Promise<void>;
    close(): void;
}

export class Typing {
    constructor(chat: Chat, room: string, changed?: () => void);
    readonly users: User[];
    input(text: string): void;
    stop(): void;
    close(): void;
}

export interface RoomMessage extends Omit<Message, 'id'> {
    /** missing while `pending`, or with `error` */
    id?: string;
    pending?: boolean;
    error?: ChatError;
}

export interface Snapshot {
    name: string;
    online: boolean;
    joined: boolean;
    /** why the room was left, if it was */
    left: string | null;
    error: ChatError | null;
    user: User | null;
    messages: RoomMessage[];
    /** there are older messages */
    more: boolean;
    members: User[];
    count: number;
    typing: User[];
    /** a user's id → the id of the last message that he has read */
    receipts: Record<string, string>;
    /** our own: the id of the last message that we have read */
    marker: string | null;
    role: Role | null;
    can: string[];
    state: RoomState;
}

export class Room {
    constructor(chat: Chat, name: string, options?: { last?: number; presence?: boolean });
    readonly name: string;
    subscribe: (listener: () => void) => () => void;
    snapshot: () => Snapshot;
    send(text: string, options?: SendOptions): Promise<Ok>;
    discard(nonce: string): void;
    edit(id: string, text: string, options?: { data?: unknown; nonce?: string }): Promise<Ok>;
    delete(id: string, reason?: string): Promise<Ok>;
    react(id: string, emoji: string): Promise<Ok>;
    typing(text: string): void;
    read(): Promise<void>;
    older(limit?: number): Promise<void>;
    thread(id: string, options?: { before?: string; limit?: number }): Promise<Page>;
    reload(): Promise<void>;
    close(options?: { stay?: boolean }): Promise<unknown>;
}
