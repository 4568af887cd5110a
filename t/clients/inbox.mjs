// What a client has received and a test has not yet looked at.

const PATIENCE = 10000;

export class Inbox {
    constructor(name) {
        this.name = name;
        this.items = [];
        this.waiting = null;
    }

    push(item) {
        this.items.push(item);
        this.waiting?.();
    }

    // the next item, whatever it is
    async next() {
        if (this.items.length === 0) {
            await new Promise((resolve, reject) => {
                const timer = setTimeout(() => {
                    this.waiting = null;
                    reject(new Error(`${this.name}: nothing came`));
                }, PATIENCE);

                this.waiting = () => {
                    clearTimeout(timer);
                    this.waiting = null;
                    resolve();
                };
            });
        }

        return this.items.shift();
    }
}
