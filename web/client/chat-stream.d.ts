/** An incremental parser of text/event-stream: takes pieces cut anywhere, gives the data of each event. */
export function sseParser(onData: (data: string) => void): (piece: string) => void;
