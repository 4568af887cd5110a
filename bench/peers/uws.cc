// A peer on uWebSockets, see uws.sh:
//
//     uws PORT
//
// A WebSocket at /s/N is in room N, one at /p/N only publishes to it; so does
// POST /p/N.

#include "App.h"
#include <cstdio>
#include <cstdlib>
#include <string>


struct Data {
    std::string  room;
};


static auto
behavior(uWS::App *app, bool subscribes)
{
    uWS::App::WebSocketBehavior<Data>  b;

    b.compression = uWS::DISABLED;
    b.maxPayloadLength = 1024 * 1024;
    b.idleTimeout = 0;
    b.sendPingsAutomatically = false;
    b.maxBackpressure = 64 * 1024 * 1024;

    b.upgrade = [](auto *res, auto *req, auto *context) {
        res->template upgrade<Data>(
            { std::string(req->getParameter(0)) },
            req->getHeader("sec-websocket-key"),
            req->getHeader("sec-websocket-protocol"),
            req->getHeader("sec-websocket-extensions"), context);
    };

    if (subscribes) {
        b.open = [](auto *ws) {
            ws->subscribe(ws->getUserData()->room);
        };
    }

    b.message = [app](auto *ws, std::string_view m, uWS::OpCode op) {
        app->publish(ws->getUserData()->room, m, op);
    };

    return b;
}


int
main(int argc, char **argv)
{
    int       port = argc > 1 ? atoi(argv[1]) : 0;
    uWS::App  app;

    app.ws<Data>("/s/:room", behavior(&app, true));
    app.ws<Data>("/p/:room", behavior(&app, false));

    app.post("/p/:room", [&app](auto *res, auto *req) {
        std::string  room(req->getParameter(0));

        res->onAborted([]() {});
        res->onData([res, &app, room, body = std::string()]
                    (std::string_view chunk, bool last) mutable {
            body.append(chunk);

            if (last) {
                app.publish(room, body, uWS::OpCode::TEXT);
                res->writeStatus("202 Accepted")->end("ok");
            }
        });
    });

    app.listen("127.0.0.1", port, [port](auto *socket) {
        if (!socket) {
            fprintf(stderr, "cannot listen on %d\n", port);
            exit(1);
        }
    });

    app.run();
}
