
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A window of a room that lives elsewhere: offsets and epochs are given, what
 * comes twice or too early is told apart, and a hole is never made.
 */

#include "unit.h"

#include "store_sources.h"
#include "../../ngx_chat_module/ngx_chat_remote.c"
#include "store_env.h"


static ngx_chat_remote_event_t  ev;


static ngx_chat_remote_event_t *
event(const char *name, const char *epoch, uint64_t offset)
{
    static u_char  body[100];

    memset(&ev, 0, sizeof(ev));
    pattern(body, sizeof(body), name, offset);

    ev.key = room(name);
    ev.rule = &rule;
    memcpy(ev.epoch, epoch, NGX_CHAT_EPOCH_LEN);
    ev.rec.type = NGX_CHAT_REC_RAW_BINARY;
    ev.rec.offset = offset;
    ev.rec.ts = NOW + offset;
    ev.payload.data = body;
    ev.payload.len = sizeof(body);

    return &ev;
}


static ngx_int_t
append(const char *name, const char *epoch, uint64_t offset)
{
    return ngx_chat_remote_append(&env.z, 0, event(name, epoch, offset));
}


static ngx_int_t
begin(const char *name, const char *epoch, uint64_t offset)
{
    return ngx_chat_remote_begin(&env.z, event(name, epoch, offset));
}


#define A  "aaaaaaaaaa"
#define B  "bbbbbbbbbb"


static void
test_window(void)
{
    size_t                 need;
    ssize_t                n;
    uint64_t               i;
    ngx_uint_t             all;
    uint32_t               idx[4];
    ngx_chat_pos_t         pos;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info, other;

    fresh(1024 * 1024);
    key = room("r");

    is_int(append("r", A, 1), NGX_DECLINED, "not shared by hosts");
    is_int(begin("r", A, 1), NGX_AGAIN, "not shared by hosts");

    ngx_chat_remote_mode(&env.z, 1);

    is_int(put("r", 10, 1, NOW), NGX_AGAIN, "nothing is published here");
    is_int(append("r", A, 1), NGX_DECLINED, "no such room here");

    is_int(begin("r", A, 101), NGX_OK, "a window begins at 101");
    sound("an empty window");
    is_int(append("r", A, 100), NGX_DONE, "100 is before it");
    is_int(append("r", A, 102), NGX_AGAIN, "102 is too early");
    is_int(append("r", B, 101), NGX_AGAIN, "101 of another epoch");

    for (i = 101; i <= 150; i++) {
        if (append("r", A, i) != NGX_OK) {
            break;
        }
    }

    is_int(i, 151, "50 events");
    is_int(append("r", A, 130), NGX_DONE, "twice");
    is_int(begin("r", A, 140), NGX_OK, "it goes on as it was");

    is_int(ngx_chat_room_open(&env.z, &key, &rule, 1, 0, &info), NGX_OK,
           "opened");
    ok(info.first == 101 && info.head == 150
       && memcmp(info.epoch, A, NGX_CHAT_EPOCH_LEN) == 0, "what it shows");

    is_int(ngx_chat_log_seek(&env.z, info.idx, info.life, 101, &pos), NGX_OK,
           "its first record");
    n = ngx_chat_log_read(&env.z, &pos, 150, buf, sizeof(buf), &need);
    is_int(records(buf, n, "r", 101), 50, "all of them");

    is_int(append("r", A, 151), NGX_OK, "a follower is woken");
    ok(ngx_chat_mask_has(&ev.wake, 1), "seat 1 is");

    /* repair keeps what it can't make: the epoch */

    env.z.sh->dirty = 1;
    ngx_chat_shm_lock(&env.z);
    ngx_chat_shm_unlock(&env.z);
    is_int(ngx_chat_room_find(&env.z, &key, &rule, &other), NGX_OK,
           "after a repair");
    ok(other.head == 151 && memcmp(other.epoch, A, NGX_CHAT_EPOCH_LEN) == 0,
       "it is the same");
    sound("repaired");
    (void) ngx_chat_ring_take(&env.z, 1, idx, 4, &all);

    /* a hole, and another epoch: who follows must begin anew */

    is_int(begin("r", A, 160), NGX_DONE, "a hole ends the life");
    ok(ngx_chat_mask_has(&ev.wake, 1), "seat 1 is told");
    (void) ngx_chat_ring_take(&env.z, 1, idx, 4, &all);
    ok(all, "to compare lives");
    is_int(ngx_chat_room_info(&env.z, info.idx, info.life, &other),
           NGX_DECLINED, "the old one is over");
    is_int(begin("r", B, 1), NGX_OK, "nobody follows the new one");
    is_int(append("r", B, 1), NGX_OK, "another epoch");
    is_int(append("r", A, 160), NGX_AGAIN, "not the old one");
    sound("another epoch");

    ngx_chat_remote_mode(&env.z, 0);
    is_int(append("r", B, 2), NGX_DECLINED, "not shared any more");
    is_int(put("r", 10, 1, NOW), NGX_OK, "this host's own now");
    ok(memcmp(last.epoch, B, NGX_CHAT_EPOCH_LEN) != 0 && last.offset == 1,
       "in another epoch");
    sound("its own");
}


static void
test_owner(void)
{
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    fresh(1024 * 1024);
    key = room("r");

    ngx_chat_remote_mode(&env.z, 1);
    begin("r", A, 1);
    ngx_chat_room_open(&env.z, &key, &rule, 0, 0, &info);
    ngx_chat_room_open(&env.z, &key, &rule, 1, 0, &info);

    is_int(ngx_chat_remote_followers(&env.z, info.idx, info.life), 2,
           "two follow");
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life, 0), NGX_OK,
           "taken");
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life, 0), NGX_OK,
           "twice");
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life, 1),
           NGX_DECLINED, "not by another");
    is_int(ngx_chat_remote_is_ready(&env.z, info.idx, info.life), 0,
           "not ready");
    ngx_chat_remote_set_ready(&env.z, info.idx, info.life, 1, 1);
    is_int(ngx_chat_remote_is_ready(&env.z, info.idx, info.life), 0,
           "by its owner's word alone");
    ngx_chat_remote_set_ready(&env.z, info.idx, info.life, 0, 1);
    is_int(ngx_chat_remote_is_ready(&env.z, info.idx, info.life), 1, "ready");

    ngx_chat_remote_release(&env.z, info.idx, info.life, 1);
    is_int(ngx_chat_remote_is_ready(&env.z, info.idx, info.life), 1,
           "another can't release it");

    /* a dead owner's seat is swept */

    ngx_chat_zone_detach(&env.z, 0);
    is_int(ngx_chat_remote_is_ready(&env.z, info.idx, info.life), 0,
           "an owner that died");
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life, 1), NGX_OK,
           "taken over");
    ngx_chat_remote_release(&env.z, info.idx, info.life, 1);
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life, 2), NGX_OK,
           "released");
    is_int(ngx_chat_remote_claim(&env.z, info.idx, info.life + 1, 1),
           NGX_DECLINED, "no such life");
    sound("owners");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_window();
    test_owner();

    return done();
}
