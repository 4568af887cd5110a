
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's face to the worker layer: rooms as logs in shared memory.
 * Everything here takes the zone's lock itself, for a bounded time, unless its
 * comment says that it reads without it.  No function logs, allocates from a
 * pool or blocks while the lock is held.
 */


#ifndef _NGX_CHAT_STORE_H_INCLUDED_
#define _NGX_CHAT_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


/* beside nginx's codes, none of which it is */
#define NGX_CHAT_LIMITED  -64
#define NGX_CHAT_NO_ROOT  -65
#define NGX_CHAT_MANY     -66


typedef struct ngx_chat_sh_s     ngx_chat_sh_t;     /* ngx_chat_shm.h */
typedef struct ngx_chat_rates_s  ngx_chat_rates_t;  /* ngx_chat_rate.h */
typedef struct ngx_chat_state_s  ngx_chat_state_t;  /* ngx_chat_state.h */
typedef struct ngx_chat_change_s  ngx_chat_change_t;  /* ngx_chat_change.h */
typedef struct ngx_chat_hook_missed_s  ngx_chat_hook_missed_t;
                                                    /* ngx_chat_hook.h */


/* what is true of a room by its name: a line of "chat_rooms" */

typedef struct {
    ngx_str_t         pattern;       /* "*" stands for any run of bytes */
    ngx_uint_t        history;       /* events shown, 0: none */
    time_t            age;           /* seconds shown, 0: no bound */
    size_t            size;          /* bytes kept, 0: zone / 16 */
    time_t            idle;          /* seconds an empty room stays, 0: 60 */
    unsigned          create:1;      /* by whoever joins or publishes */
    unsigned          private:1;     /* "invite":true, if it has no other */
    unsigned          list:1;        /* "rooms" tells of it */
} ngx_chat_rule_t;


/* one zone as this process sees it; allocated in the cycle's pool */

typedef struct ngx_chat_zone_s  ngx_chat_zone_t;

struct ngx_chat_zone_s {
    ngx_str_t         name;
    ngx_shm_zone_t   *shm_zone;
    ngx_slab_pool_t  *shpool;
    ngx_chat_sh_t    *sh;
    ngx_array_t       rules;         /* of ngx_chat_rule_t, first match wins */
    ngx_uint_t        max_rooms;     /* 0: as many as fit */
    ngx_uint_t        session_rooms; /* rooms of one session */
    size_t            nonce_size;    /* bytes of the nonce table, 0: size/16 */
    time_t            nonce_ttl;     /* seconds, 0: 300 */
    ngx_log_t        *log;
    void             *remote;        /* "chat_redis"; NULL: this host alone */
    void             *webhooks;      /* "chat_webhook"; NULL: none */
    size_t            hook_ring;     /* bytes of the zone that these take */
    uint32_t          hook_users;    /* and users that there is place for */
    size_t            hook_memory;   /* of both, at the zone's end */
    time_t            token_ttl;     /* seconds that tokens may live */

    /* the zone of another size that the init marked `moved'; NULL: none */
    ngx_chat_zone_t  *old;
    ngx_uint_t        repaired;      /* store: to be logged after the lock */

    ngx_str_t         state_path;    /* null-terminated; len 0: no file */
    ngx_uint_t        state_sync;    /* NGX_CHAT_SYNC_* of ngx_chat_state.h */
    ngx_chat_state_t *state;         /* NULL: none is open */
    unsigned          fresh:1;       /* the memory is new, and no copy */
    unsigned          token_forever:1;           /* or without an end */
};


/* seats to wake */

typedef struct {
    uint64_t          w[NGX_CHAT_SEATS / 64];
} ngx_chat_mask_t;

#define ngx_chat_mask_set(m, n)      ((m)->w[(n) >> 6] |= 1ULL << ((n) & 63))
#define ngx_chat_mask_has(m, n)      (((m)->w[(n) >> 6] >> ((n) & 63)) & 1)


/*
 * Where a reader is in a room's log; opaque to callers.  `offset' is the offset
 * of the record that the next read will return first.
 */

typedef struct {
    uint32_t          room;          /* index of the room's slot */
    uint32_t          segment;
    uint64_t          life;          /* which life of the slot */
    uint64_t          sequence;      /* of the segment */
    uint32_t          at;            /* byte in the segment */
    uint64_t          offset;
} ngx_chat_pos_t;


/*
 * A record's header as it lies in shared memory.  Behind it are `space' bytes:
 * `lead' of state that no client sees, `size' of payload, and a rest.  (A copy
 * made by ngx_chat_log_read() is contiguous.)
 *
 * A message without `thread' is the root of one as soon as it has a reply; the
 * replies are a chain from the newest backwards, each with its ordinal as its
 * lead.  The events that change a message are a chain, too; their lead is
 * ngx_chat_fold_t.
 */

typedef struct {
    uint32_t          size;
    uint32_t          space;         /* a multiple of 8; never changes */
    uint16_t          type;          /* NGX_CHAT_REC_* */
    uint16_t          flags;
    uint16_t          lead;          /* a multiple of 8; never changes */
    uint16_t          spare;
    uint64_t          offset;
    uint64_t          ts;            /* ms, never decreasing in a room */
    uint64_t          n;             /* ordinal among the room's messages */
    uint64_t          sender;        /* hash of the user's id */
    uint64_t          nonce;         /* hash */
    uint64_t          target;        /* event: the message that it changes;
                                        root: its newest reply; reply: the
                                        one before it */
    uint64_t          thread;        /* offset of the thread's root */
    uint64_t          latest;        /* message: newest event that changes it;
                                        such an event: its former value */
} ngx_chat_rec_t;

#define NGX_CHAT_REC_MESSAGE         1
#define NGX_CHAT_REC_RAW_TEXT        2
#define NGX_CHAT_REC_RAW_BINARY      3
#define NGX_CHAT_REC_EDIT            4
#define NGX_CHAT_REC_DELETE          5
#define NGX_CHAT_REC_REACT           6

#define NGX_CHAT_REC_DELETED         0x0001
#define NGX_CHAT_REC_INVISIBLE       0x0002

#define ngx_chat_rec_size(payload)                                            \
    (sizeof(ngx_chat_rec_t) + ngx_align((size_t) (payload), 8))
#define ngx_chat_rec_bytes(rec)                                               \
    (sizeof(ngx_chat_rec_t) + (size_t) (rec)->space)
#define ngx_chat_rec_payload(rec)                                             \
    ((u_char *) (rec) + sizeof(ngx_chat_rec_t) + (rec)->lead)


typedef struct {
    uint32_t          idx;           /* slot */
    uint64_t          life;
    u_char            epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t          first;         /* first offset shown; head + 1: none */
    uint64_t          head;          /* last offset */
    ngx_chat_pos_t    tail;          /* reads what will be appended next */
} ngx_chat_room_info_t;


typedef struct {
    ngx_chat_room_key_t    key;
    ngx_chat_rule_t       *rule;
    ngx_uint_t             type;     /* NGX_CHAT_REC_* */

    /*
     * The payload: `piece[0]', "<epoch>-<offset>", `piece[1]', 13 digits of ts,
     * `piece[2]'.  A raw record is piece[0] alone.
     */
    ngx_str_t              piece[3];

    uint64_t               sender;
    uint64_t               user;         /* hash for the nonce's key */
    uint64_t               nonce[2];     /* 128-bit hash; both 0: none */
    uint64_t               body;         /* hash of the content */
    uint64_t               thread;       /* NGX_CHAT_REC_MESSAGE: the root */
    uint64_t               thread_life;
    ngx_chat_change_t     *change;       /* EDIT, DELETE, REACT; or NULL */
    size_t                 reserve;      /* bytes kept behind the payload */
    uint64_t               ts;           /* now, ms */
    ngx_chat_rates_t      *rates;        /* what it takes; NULL: none */

    /* of ngx_chat_mark_user(): who speaks, both 0: nobody; who is mentioned */
    uint64_t               reader[2];
    uint64_t             (*mention)[2];
    ngx_str_t             *mentioned;    /* the same, their ids */
    ngx_uint_t             nmentions;
    ngx_chat_hook_missed_t  *missed;     /* unless they have sessions */
    ngx_uint_t             nmissed;

    /* out */
    uint32_t               idx;
    uint64_t               life;
    u_char                 epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t               offset;
    unsigned               duplicate:1;  /* offset and ts are the first's */
    unsigned               ended:1;      /* a life, whatever is returned: its
                                            followers are in `wake' */
    ngx_chat_mask_t        wake;
} ngx_chat_publish_t;


/* counters and gauges of a worker; slots in the zone, summed by the reader.
   Counters of a dead seat go into the totals, its gauges vanish.  EVICTED,
   REPAIRS and LOCK_* are counted by the store, everything else by its
   callers. */

typedef enum {
    NGX_CHAT_M_SESSIONS_TOTAL = 0,       /* counters */
    NGX_CHAT_M_WS_TOTAL,
    NGX_CHAT_M_SSE_TOTAL,
    NGX_CHAT_M_MESSAGES,                 /* published */
    NGX_CHAT_M_DUPLICATES,
    NGX_CHAT_M_DELIVERIES,
    NGX_CHAT_M_BYTES_IN,
    NGX_CHAT_M_BYTES_OUT,
    NGX_CHAT_M_ERRORS,                   /* sent to clients */
    NGX_CHAT_M_GAPS,
    NGX_CHAT_M_SLOW_CLOSED,
    NGX_CHAT_M_EVICTED,                  /* segments taken from a room */
    NGX_CHAT_M_FULL,                     /* publishes refused */
    NGX_CHAT_M_REPAIRS,
    NGX_CHAT_M_WAKEUPS,
    NGX_CHAT_M_LIMITED,                  /* connections refused */
    NGX_CHAT_M_RATE_LIMITED,             /* whatever chat_limit is for */
    NGX_CHAT_M_TRANSIENT_LOST,           /* times that a seat was too slow */
    NGX_CHAT_M_LOCK_WAITS,               /* for the zone's lock */
    NGX_CHAT_M_LOCK_WAIT_US,
    NGX_CHAT_M_COUNTERS,

    NGX_CHAT_M_SESSIONS = NGX_CHAT_M_COUNTERS,    /* gauges */
    NGX_CHAT_M_WS,
    NGX_CHAT_M_SSE,
    NGX_CHAT_M_SUBSCRIPTIONS,
    NGX_CHAT_M_BUFFERS,                  /* bytes */
    NGX_CHAT_M_STUCK,                    /* connections that take nothing */
    NGX_CHAT_M_LAST
} ngx_chat_metric_e;


typedef struct {
    ngx_uint_t        rooms;
    ngx_uint_t        rooms_max;
    ngx_uint_t        segments;          /* all */
    ngx_uint_t        segments_free;
    size_t            segment_size;
    uint64_t          records;           /* appended since the zone began */
    uint64_t          metric[NGX_CHAT_M_LAST];
} ngx_chat_zone_stat_t;


/*
 * The init callback of the zone (in the master or under nginx -t): keeps the
 * memory of `data' (the old cycle's ngx_chat_zone_t, NULL: fresh memory) or
 * lays it out.  shm_zone->data is the new ngx_chat_zone_t.  If the zone existed
 * with another size in the running cycle (ngx_cycle), copies its rooms.
 */
ngx_int_t ngx_chat_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/* the least size that works, bytes */
size_t ngx_chat_zone_min_size(void);

/*
 * This process takes `seat' in the zone, before its first use of the lock:
 * writes {pid, start time} (field 22 of /proc/PID/stat), then sweeps what the
 * former holder left (interest, ring, metrics).
 */
ngx_int_t ngx_chat_zone_attach(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_pid_t pid, uint64_t start);

/* the seat's holder is gone (or goes): the same sweep; seat is free after */
void ngx_chat_zone_detach(ngx_chat_zone_t *z, ngx_uint_t seat);

/*
 * NGX_OK if the process lives; NGX_DECLINED: no /proc/PID/stat, state Z or X,
 * or a start time that isn't `start' (0: not compared).  Where /proc doesn't
 * show it (none mounted, hidepid=) it is dead if kill() knows no such process.
 */
ngx_int_t ngx_chat_process_alive(ngx_pid_t pid, uint64_t start);
/* field 22 of /proc/PID/stat; 0: unknown */
uint64_t ngx_chat_process_start(ngx_pid_t pid);

/* the first line of "chat_rooms" that matches, or the default (static) */
ngx_chat_rule_t *ngx_chat_zone_rule(ngx_chat_zone_t *z, ngx_str_t *room);

/* whether using it makes it: conversations are made whatever the line says */
ngx_uint_t ngx_chat_rule_creates(ngx_chat_rule_t *rule, ngx_str_t *room);

/* the zone is being left for one of another size: publishes are refused */
ngx_uint_t ngx_chat_zone_moved(ngx_chat_zone_t *z);

/*
 * z->old was marked so by the init of `z'.  If the cycle isn't taken after all,
 * ngx_chat_zone_unmove(z->old) lets it go on; if it is, clear z->old, which is
 * memory of the old cycle.
 */
void ngx_chat_zone_unmove(ngx_chat_zone_t *old);

/* 32 bytes; constant from ngx_chat_zone_keep_secret() on */
u_char *ngx_chat_zone_secret(ngx_chat_zone_t *z);

/*
 * In the init of the zone, when its state file has been read: the secret of
 * guests' tokens is the one in the table, or goes there.  NGX_ERROR: there is
 * no place for it.
 */
ngx_int_t ngx_chat_zone_keep_secret(ngx_chat_zone_t *z);


/*
 * A seat begins to follow a room.  Its interest keeps the room alive and its
 * unread segments in place (within the live window) and has publishers put the
 * room into the seat's ring.  Opening again is harmless (one interest a seat).
 *
 * NGX_OK; NGX_DECLINED: no such room and !create; NGX_BUSY: full; NGX_AGAIN: no
 * such room, and this zone is `moved'
 */
ngx_int_t ngx_chat_room_open(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_uint_t seat, ngx_uint_t create,
    ngx_chat_room_info_t *info);

/* the seat stops following; unknown rooms are ignored */
void ngx_chat_room_close(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat);

/* NGX_OK or NGX_DECLINED (no such room); no interest is taken; applies age */
ngx_int_t ngx_chat_room_find(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_chat_room_info_t *info);

/* the same for a slot; NGX_DECLINED: that life is over */
ngx_int_t ngx_chat_room_info(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_chat_room_info_t *info);

/*
 * The room in a slot, 0, 1, ...: NGX_OK, its kind, and its name, copied to
 * key->name.data, NGX_CHAT_ROOM_MAX bytes of the caller's.  NGX_DECLINED: there
 * is none.  NGX_DONE: nor is there one in any slot after.
 */
ngx_int_t ngx_chat_room_at(ngx_chat_zone_t *z, uint32_t idx,
    ngx_chat_room_key_t *key, ngx_chat_room_info_t *info);

/* the head of a followed room: one load-acquire, no lock */
uint64_t ngx_chat_room_head(ngx_chat_zone_t *z, uint32_t idx);

/* what the seat has read: lets segments go; one store-release, no lock.  Only
   the process that holds the seat calls it. */
void ngx_chat_room_read(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint64_t offset);

/*
 * Appends.  `seat' is the publisher's own: it is not put into the mask `wake',
 * nor is its ring filled.
 *
 *   NGX_OK        published, or `duplicate'
 *   NGX_DECLINED  no such room and its rule says create=off; no such message
 *                 that it changes or answers
 *   NGX_CHAT_NO_ROOT  what it answers is an answer itself
 *   NGX_CHAT_MANY  the message has as many edits or emoji as it can have
 *   NGX_ABORT     the nonce was used with another body
 *   NGX_BUSY      full
 *   NGX_ERROR     larger than the room's log can be
 *   NGX_AGAIN     the zone moved (reload with another size)
 *   NGX_CHAT_LIMITED  beyond p->rates, which say for how long; a duplicate
 *                     never is
 */
ngx_int_t ngx_chat_log_publish(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_publish_t *p);

/*
 * The position of the record `offset' (or of the next one, if offset = head+1).
 * NGX_DECLINED: it isn't kept any more, or the life is over.
 */
ngx_int_t ngx_chat_log_seek(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    uint64_t offset, ngx_chat_pos_t *pos);

/* bytes of the log between two positions of one life, `from' being the older;
   what is skipped at a segment's end counts, too.  No lock. */
uint64_t ngx_chat_pos_distance(ngx_chat_zone_t *z, ngx_chat_pos_t *from,
    ngx_chat_pos_t *to);

/*
 * Copies whole records from *pos up to and including offset `upto' (which is at
 * most the room's head) into buf, as many as fit, without the lock; validates
 * afterwards that they were not overwritten meanwhile.  The lock is taken only
 * if the segment of *pos has gone, to look the offset up.
 *
 *   > 0           bytes written; pos is behind the last record
 *   0             nothing to read
 *   NGX_DECLINED  overwritten or trimmed (a seek was tried), or another life
 *   NGX_BUSY      the next record alone is larger than `size':
 *                 *need is how large the buffer must be
 */
ssize_t ngx_chat_log_read(ngx_chat_zone_t *z, ngx_chat_pos_t *pos,
    uint64_t upto, u_char *buf, size_t size, size_t *need);


/*
 * Takes up to `n' rooms from the seat's ring.  Returns how many; *scan_all: the
 * ring overflowed or the zone was repaired, look at every room that you follow.
 */
ngx_uint_t ngx_chat_ring_take(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint32_t *rooms, ngx_uint_t n, ngx_uint_t *scan_all);

/*
 * Connections of one key, over all workers.  A key is a hash: the same value
 * under another name (what it is: an address, a user) is another key.
 */
uint64_t ngx_chat_limit_key(ngx_chat_zone_t *z, ngx_str_t *name,
    ngx_str_t *value);

/* one more: NGX_OK; NGX_BUSY: `max' are there; NGX_DECLINED: no place left to
   count it.  The seat is the caller's own. */
ngx_int_t ngx_chat_limit_acquire(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint64_t key, ngx_uint_t max);
/* one less; harmless if the seat's were forgotten */
void ngx_chat_limit_release(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint64_t key);
/* the seat's connections count no more */
void ngx_chat_limit_forget(ngx_chat_zone_t *z, ngx_uint_t seat);

/*
 * Once a second, from any worker (they share the work by a stamp in the zone):
 * expires by age, removes rooms that were empty and unfollowed for long.
 */
void ngx_chat_zone_sweep(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now);

void ngx_chat_metric_add(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_metric_e m, ngx_int_t n);     /* own seat only; no lock */
void ngx_chat_zone_stat(ngx_chat_zone_t *z, ngx_chat_zone_stat_t *st);


#endif /* _NGX_CHAT_STORE_H_INCLUDED_ */
