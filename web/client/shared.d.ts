import type { Chat, ChatOptions } from './index.js';

export interface SharedOptions extends ChatOptions {
    /** whose connection it is: tabs with the same one share it */
    share?: string;
}

/** As Chat; one connection for all tabs, where there are SharedWorkers. */
export class SharedChat implements Pick<Chat, keyof Chat> {
    constructor(url?: string, options?: SharedOptions);
    readonly shared: boolean;
    readonly state: Chat['state'];
    readonly transport: Chat['transport'];
    readonly user: Chat['user'];
    readonly limits: Chat['limits'];
    readonly rooms: Chat['rooms'];
    readonly welcome: Chat['welcome'];
    on: Chat['on'];
    connect: Chat['connect'];
    close: Chat['close'];
    rename: Chat['rename'];
    join: Chat['join'];
    leave: Chat['leave'];
    send: Chat['send'];
    edit: Chat['edit'];
    delete: Chat['delete'];
    react: Chat['react'];
    history: Chat['history'];
    call: Chat['call'];
    now: Chat['now'];
}
