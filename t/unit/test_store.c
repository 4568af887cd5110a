
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's logs: what is written is read, whatever the sizes; what is shown
 * and what is kept.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static void
test_layout(void)
{
    size_t                size, min;
    env_t                 e;
    ngx_chat_sh_t        *sh;
    ngx_chat_zone_stat_t  st;

    min = ngx_chat_zone_min_size();

    ok(min < 640 * 1024, "the least size is %luk", min / 1024);

    memset(&e, 0, sizeof(e));
    is_int(env_init(&e, "min", min, env_log), NGX_OK, "a zone of it");
    ok(e.z.sh->room_n >= 64 && e.z.sh->seg_n >= 2 * e.z.sh->room_n,
       "%u slots, %u segments", e.z.sh->room_n, e.z.sh->seg_n);
    env_done(&e);

    stub_log_level = NGX_LOG_DEBUG;
    is_int(env_init(&e, "less", min / 2, env_log), NGX_ERROR, "half of it");
    is_int(stub_log_level, NGX_LOG_EMERG, "says so: %s", stub_log_last);
    env_done(&e);

    e.z.nonce_size = 1024 * 1024;
    is_int(env_init(&e, "nonce", 1024 * 1024, env_log), NGX_ERROR,
           "nonces that leave nothing");
    stub_log_level = NGX_LOG_DEBUG;
    env_done(&e);

    for (size = 1; size <= 256; size *= 4) {
        is_int(env_init(&e, "zone", size << 20, env_log), NGX_OK, "%lum", size);
        sh = e.z.sh;
        ok(sh->segs + (uint64_t) sh->seg_n * sh->seg_size <= sh->size
           && sh->segs % sh->seg_size == 0, "the segments are inside");
        ok((uint64_t) sh->seg_n * sh->seg_size > sh->size / 2,
           "%lu%% are segments",
           (uint64_t) sh->seg_n * sh->seg_size * 100 / (size << 20));
        ok(sh->room_n * 2 <= sh->seg_n, "two segments for a slot");
        ngx_chat_zone_stat(&e.z, &st);
        ok(st.segments == st.segments_free && st.rooms == 0
           && st.rooms_max == sh->room_n, "all are free");
        env_done(&e);
    }

    is_int(sizeof(ngx_chat_seg_t), 64, "a segment's header");
    is_int(sizeof(ngx_chat_nonce_t), 64, "a nonce");
    is_int(sizeof(ngx_chat_rec_t), 80, "a record's header");
    is_int(sizeof(ngx_chat_presence_entry_t), 216, "a member");
    is_int(sizeof(ngx_chat_presence_room_t), 72, "the members of a room");
    is_int(sizeof(ngx_chat_interest_t), 40, "an interest");
    is_int(sizeof(ngx_chat_slot_t), 336, "a slot");
}


static void
test_publish(void)
{
    size_t                 need;
    ssize_t                n;
    char                   want[256];
    ngx_chat_pos_t         pos;
    ngx_chat_rec_t        *r;
    ngx_chat_publish_t     p;
    ngx_chat_room_info_t   i;

    fresh(2 * 1024 * 1024);

    i = info("lobby");
    is_int(i.life, 0, "no room yet");

    memset(&p, 0, sizeof(p));
    p.key = room("lobby");
    p.rule = &rule;
    p.type = NGX_CHAT_REC_MESSAGE;
    ngx_str_set(&p.piece[0], "{\"id\":\"");
    ngx_str_set(&p.piece[1], "\",\"ts\":");
    ngx_str_set(&p.piece[2], ",\"text\":\"hello\"}");
    p.sender = 11;
    p.thread = 12;
    p.ts = NOW;

    rule.create = 0;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_DECLINED, "create=off");
    rule.create = 1;

    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "published");
    is_int(p.offset, 1, "offset");
    is_int(p.ts, NOW, "ts");
    ok(!p.duplicate, "not a duplicate");

    p.ts = NOW - 5000;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "and another");
    is_int(p.ts, NOW, "time doesn't go back");
    is_int(p.offset, 2, "offset");

    i = info("lobby");
    is_int(i.head, 2, "head");
    is_int(i.first, 1, "first");
    ok(i.idx == p.idx && i.life == p.life, "the same room");
    is_mem(i.epoch, NGX_CHAT_EPOCH_LEN, p.epoch, NGX_CHAT_EPOCH_LEN, "epoch");
    is_int(ngx_chat_room_head(&env.z, i.idx), 2, "head without the lock");

    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life, 1, &pos), NGX_OK, "seek");
    n = ngx_chat_log_read(&env.z, &pos, i.head, buf, sizeof(buf), &need);
    r = (ngx_chat_rec_t *) buf;

    ok(n > 0, "read");
    is_int(r->n, 1, "ordinal");
    is_int(r->sender, 11, "sender");
    is_int(r->thread, 12, "thread");
    is_int(r->type, NGX_CHAT_REC_MESSAGE, "type");

    sprintf(want, "{\"id\":\"%.10s-1\",\"ts\":1700000000000,\"text\":\"hello\"}",
            i.epoch);
    is_str(r + 1, r->size, want, "payload");

    r = (ngx_chat_rec_t *) (buf + ngx_chat_rec_bytes(r));
    sprintf(want, "{\"id\":\"%.10s-2\",\"ts\":1700000000000,\"text\":\"hello\"}",
            i.epoch);
    is_str(r + 1, r->size, want, "payload");
    is_int(n, (u_char *) r + ngx_chat_rec_bytes(r) - buf, "both");

    is_int(ngx_chat_log_read(&env.z, &pos, i.head, buf, sizeof(buf), &need),
           0, "no more");

    p.key.kind = NGX_CHAT_ROOM_RAW;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "the raw room");
    is_int(p.offset, 1, "is another one");

    p.key.name.len = 0;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_DECLINED, "no name");

    is_int(put("big", 100 * 1024, 1, NOW), NGX_ERROR, "larger than a log");
    is_int(put("big", 0, 1, NOW), NGX_OK, "nothing at all");
    is_int(get("big", 1, 4096), 1, "is read");

    sound("after a few publishes");
}


/* every size of a payload, from every place of a segment */

static void
test_sizes(void)
{
    size_t                size, max, step;
    uint64_t              offset, bytes, distance;
    ngx_int_t             n;
    ngx_uint_t            bad, i;
    ngx_chat_pos_t        pos;
    ngx_chat_room_info_t  x;

    static const size_t  around[] = { 1960, 1968, 1976, 1984, 1992, 3900 };

    fresh(4 * 1024 * 1024);

    rule.history = 1000000;
    max = 3 * env.z.sh->seg_size;
    bad = 0;
    offset = 0;

    for (size = 0; size < max; size++) {

        offset++;

        if (put("sizes", size, offset, NOW + offset) != NGX_OK) {
            bad++;
            continue;
        }

        if (get("sizes", offset, max + 200) != 1) {
            bad++;
        }

        if (size % 64 == 0) {
            n = get("sizes", info("sizes").first, 5000);
            if (n != (ngx_int_t) (offset + 1 - info("sizes").first)) {
                bad++;
            }
        }
    }

    is_int(bad, 0, "sizes 0 to %lu", max);
    sound("all sizes");

    /* shift the begin in steps of 8, then a record about as long as what is
       left in the segment */

    bad = 0;
    offset = 0;

    for (step = 0; step < 2048; step += 8) {
        for (i = 0; i < sizeof(around) / sizeof(size_t); i++) {
            if (put("around", step, ++offset, NOW) != NGX_OK
                || put("around", around[i] + step % 16, ++offset, NOW)
                   != NGX_OK
                || put("around", 1, ++offset, NOW) != NGX_OK
                || get("around", offset - 2, 300) != 3)
            {
                bad++;
            }
        }
    }

    is_int(bad, 0, "around the end of a segment");
    sound("around the end");

    /* every kept record is found, whatever the buffer */

    bad = 0;

    for (offset = info("around").first; offset <= info("around").head;
         offset += 7)
    {
        if (get("around", offset, 128 + offset % 8192)
            != (ngx_int_t) (info("around").head + 1 - offset))
        {
            bad++;
        }
    }

    is_int(bad, 0, "seek and read from anywhere");

    x = info("around");
    bytes = 0;

    for (offset = x.first; offset <= x.head + 1; offset++) {
        bad += (ngx_chat_log_seek(&env.z, x.idx, x.life, offset, &pos)
                != NGX_OK);
        distance = ngx_chat_pos_distance(&env.z, &pos, &x.tail);
        bad += (offset > x.first && distance >= bytes);
        bytes = distance;
    }

    is_int(bad + bytes, 0, "the distance to the tail");

    /* large records */

    bad = 0;

    for (offset = 1; offset <= 200; offset++) {
        if (put("large", 16384 + offset * 8, offset, NOW) != NGX_OK
            || get("large", offset, 100) != 1)
        {
            bad++;
        }
    }

    is_int(bad, 0, "records of 16k");
    sound("large records");
}


static void
test_retention(void)
{
    uint64_t              offset, bytes;
    ngx_chat_room_info_t  i, before;

    fresh(4 * 1024 * 1024);

    rule.history = 10;

    for (offset = 1; offset <= 100; offset++) {
        put("ten", 100, offset, NOW + offset);
    }

    i = info("ten");
    is_int(i.first, 91, "history=10");
    is_int(get("ten", 91, 4096), 10, "are read");

    ok(ngx_chat_slots(env.z.sh)[i.idx].seg_count <= 2, "the rest was freed");
    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life, 1, &i.tail), NGX_DECLINED,
           "and can't be found");
    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life, 102, &i.tail),
           NGX_DECLINED, "nor what isn't written");
    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life, 0, &i.tail),
           NGX_DECLINED, "nor 0");
    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life + 1, 95, &i.tail),
           NGX_DECLINED, "nor another life");

    rule.history = 3;
    is_int(info("ten").first, 98, "a new rule counts at once");

    rule.history = 0;
    put("none", 100, 1, NOW);
    put("none", 100, 2, NOW);
    i = info("none");
    ok(i.head == 2 && i.first == 3, "history=0 shows nothing");

    /* age */

    rule.history = 1000;
    rule.age = 60;

    for (offset = 1; offset <= 100; offset++) {
        put("old", 500, offset, NOW + offset * 1000);
    }

    /* the last was at NOW + 100 s */

    i = info("old");
    ok(i.first == 40 || i.first == 39, "age=60: first %lu", i.first);

    ngx_chat_zone_sweep(&env.z, 0, NOW + 130 * 1000);
    is_int(info("old").first, 70, "half a minute later");
    sound("age");

    ngx_chat_zone_sweep(&env.z, 0, NOW + 160 * 1000);
    is_int(info("old").first, 100, "the last one's last moment");
    ngx_chat_zone_sweep(&env.z, 0, NOW + 161 * 1000);
    i = info("old");
    ok(i.first == 101 && i.head == 100, "nothing is shown");
    before = i;

    put("old", 10, 101, NOW + 162 * 1000);
    i = info("old");
    ok(i.first == 101 && i.head == 101 && i.life == before.life,
       "it goes on from there");
    is_int(get("old", 101, 4096), 1, "and is read");
    sound("age over");

    rule.age = 0;

    /* size */

    rule.size = 10000;

    for (offset = 1; offset <= 300; offset++) {
        put("bytes", 100 + offset % 50, offset, NOW);

        i = info("bytes");
        bytes = (i.head + 1 - i.first) * (sizeof(ngx_chat_rec_t) + 152);

        if (offset > 100 && (bytes > 12600 || bytes < 9000)) {
            break;
        }
    }

    is_int(offset, 301, "size=10000 shows about that much: %lu", bytes);
    ok(ngx_chat_slots(env.z.sh)[i.idx].seg_count <= 7, "and keeps no more");
    is_int(get("bytes", i.first, 500), (ngx_int_t) (i.head + 1 - i.first),
           "all are read");

    rule.size = 100;
    put("bytes", 5000, 301, NOW);
    i = info("bytes");
    is_int(i.first, 301, "the last one is shown, larger than size= or not");
    is_int(get("bytes", 301, 100), 1, "and read");

    rule.size = 0;

    /* the cap of a room without size= */

    rule.history = 100000;

    for (offset = 1; offset <= 5000; offset++) {
        put("cap", 100, offset, NOW);
    }

    i = info("cap");
    ok(ngx_chat_slots(env.z.sh)[i.idx].seg_count <= env.z.sh->cap
       && ngx_chat_slots(env.z.sh)[i.idx].seg_count > env.z.sh->cap - 2,
       "no more than a sixteenth");
    ok(i.first > 3000, "which shortens the history: %lu", i.first);
    is_int(get("cap", i.first, 9000), (ngx_int_t) (5001 - i.first),
           "all of it is read");
    sound("retention");
}


/* followers that haven't read keep segments, though nothing is shown */

static void
test_live(void)
{
    uint64_t              offset;
    ngx_uint_t            n;
    ngx_chat_slot_t      *slot;
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i;

    fresh(4 * 1024 * 1024);

    rule.history = 0;
    key = room("live");

    is_int(ngx_chat_room_open(&env.z, &key, &rule, 1, 1, &i), NGX_OK, "open");
    ok(i.head == 0 && i.first == 1 && i.tail.offset == 1, "an empty room");
    slot = &ngx_chat_slots(env.z.sh)[i.idx];

    for (offset = 1; offset <= 100; offset++) {
        put("live", 100, offset, NOW);
    }

    is_int(info("live").first, 101, "nothing is shown");
    is_int(ngx_chat_log_read(&env.z, &i.tail, 50, buf, sizeof(buf), &n) > 0,
           1, "from the tail of the empty room");
    is_int(i.tail.offset, 51, "as far as was asked");
    is_int(get("live", 1, 4096), 100, "all is kept for who follows");

    n = slot->seg_count;
    ngx_chat_room_read(&env.z, i.idx, i.life, 1, 100);
    put("live", 100, 101, NOW);
    ok(slot->seg_count == 1 && n > 5, "and freed when it was read");
    is_int(get("live", 101, 4096), 1, "the last is kept");

    for (offset = 102; offset <= 3000; offset++) {
        put("live", 1000, offset, NOW);
    }

    ok(slot->seg_count >= env.z.sh->cap - 1
       && slot->seg_count <= env.z.sh->cap, "no more than the cap");

    n = slot->seg_count;
    put("live", 10, 3001, NOW + 10001);
    ok(slot->seg_count < 3, "no longer than 10 s: %u", slot->seg_count);

    sound("live window");

    /* the same in a sweep */

    for (offset = 3002; offset <= 3100; offset++) {
        put("live", 1000, offset, NOW + 20000);
    }

    n = slot->seg_count;
    ngx_chat_zone_sweep(&env.z, 0, NOW + 31000);
    ok(n > 10 && slot->seg_count == 1, "a sweep frees too");

    /* of two, the slower counts */

    ngx_chat_room_open(&env.z, &key, &rule, 0, 1, &i);

    for (offset = 3101; offset <= 3150; offset++) {
        put("live", 1000, offset, NOW + 40000);
    }

    ngx_chat_room_read(&env.z, i.idx, i.life, 1, 3150);
    ngx_chat_room_read(&env.z, i.idx, i.life, 0, 3110);
    put("live", 1000, 3151, NOW + 40000);

    is_int(get("live", 3111, 4096), 41, "what the slower hasn't read is kept");
    ok(slot->kept > 3105, "what both have read is not: %lu", slot->kept);

    ngx_chat_room_close(&env.z, i.idx, i.life, 0);
    ngx_chat_room_close(&env.z, i.idx, i.life, 1);
    is_int(slot->seg_count, 1, "nobody follows, nothing is kept");
    sound("live window, two");
}


/* a reader whose segments are reused notices it */

static void
test_overwritten(void)
{
    size_t           need;
    uint64_t         offset;
    ngx_uint_t       moved;
    ngx_chat_pos_t   pos, old, end;
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i;

    fresh(1024 * 1024);

    for (offset = 1; offset <= 30; offset++) {
        put("a", 1000, offset, NOW);
    }

    i = info("a");
    end = i.tail;
    ngx_chat_log_seek(&env.z, i.idx, i.life, 1, &old);
    pos = old;
    ok(ngx_chat_log_read(&env.z, &pos, 5, buf, sizeof(buf), &need) > 0,
       "read a part");

    for ( /* void */ ; offset <= 200; offset++) {
        put("a", 1000, offset, NOW);
    }

    is_int(ngx_chat_log_read(&env.z, &pos, 200, buf, sizeof(buf), &need),
           NGX_DECLINED, "the rest is gone");
    pos = old;
    is_int(ngx_chat_log_read(&env.z, &pos, 200, buf, sizeof(buf), &need),
           NGX_DECLINED, "and the begin");
    is_int(ngx_chat_log_read(&env.z, &end, 200, buf, sizeof(buf), &need),
           NGX_DECLINED, "and what was the end");
    ok(memcmp(&pos, &old, sizeof(pos)) == 0, "the position stays");

    pos.segment = 0xffffffff;
    is_int(ngx_chat_log_read(&env.z, &pos, 200, buf, sizeof(buf), &need),
           NGX_DECLINED, "nonsense is refused");
    pos = info("a").tail;
    pos.room = 0xffffffff;
    is_int(ngx_chat_log_read(&env.z, &pos, 200, buf, sizeof(buf), &need),
           NGX_DECLINED, "this too");
    pos = info("a").tail;
    pos.life++;
    is_int(ngx_chat_log_read(&env.z, &pos, 300, buf, sizeof(buf), &need),
           NGX_DECLINED, "another life");

    /* a reader that only waits at the tail is never cut off */

    rule.history = 0;
    key = room("b");
    ngx_chat_room_open(&env.z, &key, &rule, 1, 1, &i);
    put("b", 100, 1, NOW);
    pos = info("b").tail;
    old = pos;
    moved = 0;

    for (offset = 2; offset <= 500; offset++) {
        put("b", 1 + offset * 7 % 3000, offset, NOW);

        if (ngx_chat_read(env.z.sh, &pos, offset, buf, sizeof(buf), &need)
            <= 0)
        {
            break;
        }

        ngx_chat_room_read(&env.z, i.idx, i.life, 1, offset);

        moved += (pos.segment != old.segment);
        old = pos;
    }

    is_int(pos.offset, 501, "a follower at the tail");
    ok(moved > 100, "reads through %lu segments, without a seek", moved);

    /* one that doesn't follow has to be found again, but loses nothing */

    ngx_chat_room_close(&env.z, i.idx, i.life, 1);
    rule.history = 1;

    for ( /* void */ ; offset <= 1000; offset++) {
        put("b", 1 + offset * 7 % 3000, offset, NOW);

        if (ngx_chat_log_read(&env.z, &pos, offset, buf, sizeof(buf), &need)
            <= 0)
        {
            break;
        }
    }

    is_int(pos.offset, 1001, "anybody at the tail");

    sound("overwritten");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_layout();
    test_publish();
    test_sizes();
    test_retention();
    test_live();
    test_overwritten();

    return done();
}
