
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's shared memory: its layout, its lock.  Private to the store's own
 * files; what others may call is in ngx_chat_store.h.
 *
 * Everything lies in arrays of one allocation.  A reference is an index + 1, 0
 * is none; there are no pointers.  What an entry says of itself (a segment's
 * room, life and sequence; an interest's room and seat; a slot's key and head)
 * is the truth; every list and counter follows from it and is built anew by
 * ngx_chat_repair_locked() when a process died inside a critical section.
 */


#ifndef _NGX_CHAT_SHM_H_INCLUDED_
#define _NGX_CHAT_SHM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_hook_private.h"
#include "ngx_chat_presence_private.h"
#include "ngx_chat_store.h"


#if !(NGX_HAVE_ATOMIC_OPS)
#error "ngx_chat_module needs atomic operations"
#endif


#define NGX_CHAT_SH_MAGIC       0x74616863
#define NGX_CHAT_SH_VERSION     7

#define NGX_CHAT_SEG_USED       0x67657355
#define NGX_CHAT_SEG_FREE       0x67657346

/* segments that no other room may take from a room */
#define NGX_CHAT_GUARANTEE      2

/* whatever "size=" says, a log holds the largest event, in bytes */
#define NGX_CHAT_CAP_MIN        32768

/* unread segments that aren't shown any more are kept so long, ms */
#define NGX_CHAT_LIVE_WINDOW    10000

/* without "idle=" an empty room that nobody follows goes after, seconds */
#define NGX_CHAT_ROOM_IDLE      60


/*
 * What the kill of a process can tear is the order of its instructions, so
 * between two stores that must not be swapped a barrier for the compiler is
 * enough; what is read without the lock needs release and acquire.
 */

#define ngx_chat_load(p)          __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_chat_load_relaxed(p)  __atomic_load_n(p, __ATOMIC_RELAXED)
#define ngx_chat_store(p, v)      __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define ngx_chat_store_relaxed(p, v)                                          \
    __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define ngx_chat_fence_acquire()  __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define ngx_chat_fence_release()  __atomic_thread_fence(__ATOMIC_RELEASE)
#define ngx_chat_barrier()        __atomic_signal_fence(__ATOMIC_SEQ_CST)


/*
 * A segment's header, 64 bytes.  `first' is the offset of the first record
 * that begins in it, or the next one to begin behind it if none does (first_at
 * is 0 then).  A reader without the lock trusts what it copied if room, life
 * and sequence are still the same afterwards: they are erased before the bytes
 * are.
 */

typedef struct {
    uint32_t          magic;
    uint32_t          room;          /* reference of the slot */
    uint64_t          life;
    uint64_t          sequence;      /* 1, 2, ... in a life; 0: invalid */
    uint64_t          first;
    uint64_t          ts;            /* of the last record in it */
    uint32_t          first_at;
    uint32_t          prev;
    uint32_t          next;          /* in the room or in the free list */
    uint32_t          jump;          /* some older segment, for the search */
    uint32_t          spare[2];
} ngx_chat_seg_t;


/* a room's slot, 336 bytes */

typedef struct {
    uint64_t          life;          /* 0: free; the last to be set */
    uint64_t          head;          /* the last offset; makes it visible */
    uint64_t          first;         /* kept <= first <= head + 1 */
    uint64_t          kept;          /* the first record that is whole */
    uint64_t          n;             /* ordinal of the last message */
    uint64_t          ts;            /* of the record `head' */
    uint64_t          used;          /* ms; 0: not known yet */
    uint64_t          expire;        /* nothing expires by age before, ms */
    uint64_t          second;        /* `first' of the second segment, 0: ask */
    uint64_t          sequence;      /* of the last segment */
    uint64_t          size;          /* the rule: bytes shown, 0: no bound */
    uint32_t          history;
    uint32_t          age;           /* seconds */
    uint32_t          cap;           /* segments */
    uint32_t          hash;
    uint32_t          idle;          /* seconds */

    uint32_t          next;          /* in the hash chain or the free list */
    uint32_t          seg_first;
    uint32_t          seg_last;
    uint32_t          seg_count;
    uint32_t          at;            /* where the next record goes */
    uint32_t          interest;
    uint32_t          followers;     /* seats, with an entry or in the mask */
    uint32_t          lru_prev;      /* rooms without followers */
    uint32_t          lru_next;
    uint32_t          fair_prev;     /* rooms with as many segments */
    uint32_t          fair_next;
    uint32_t          copy;          /* its slot in the zone it was copied to */
    uint16_t          owner;         /* seat + 1 that subscribes, 0: none */
    uint8_t           ready;         /* .. and the window is up to date */
    uint8_t           remote;        /* the epoch is another host's */

    ngx_chat_mask_t   mask;          /* followers that got no entry */
    u_char            epoch[NGX_CHAT_EPOCH_LEN];
    uint8_t           kind;
    uint8_t           len;
    u_char            name[NGX_CHAT_ROOM_MAX];
    uint32_t          mutation;      /* odd while records change in place */
} ngx_chat_slot_t;


/* a seat follows a room, 40 bytes */

typedef struct {
    uint32_t          room;          /* 0: free; the last to be set */
    uint32_t          next;
    uint64_t          life;
    uint64_t          read;          /* stored by the seat without the lock */
    uint16_t          seat;
    uint16_t          queued;        /* is in the seat's ring */
    uint32_t          sessions;      /* stored by the seat without the lock */
    uint32_t          watchers;      /* of presence; by the seat, without it */
    uint32_t          unlisted;      /* members without an entry of their own */
} ngx_chat_interest_t;


/* who was said to type, and when; 24 bytes */

typedef struct {
    uint64_t          key;           /* a hash of user and life */
    uint64_t          ts;            /* of the last "on", ms */
    uint64_t          on;
} ngx_chat_typing_t;


typedef struct {
    uint64_t          pid;
    uint64_t          start;
    uint32_t          scan_all;
    uint32_t          ring_first;    /* counts what was taken, */
    uint32_t          ring_last;     /* what was put */
    uint32_t          spare;
    uint64_t          metric[NGX_CHAT_M_LAST];
} ngx_chat_seat_t;


/* one of the two files that keep the table, as far as it has been written */

typedef struct {
    uint64_t          generation;
    uint64_t          salt;
    uint64_t          pos;           /* where the next record goes */
    uint64_t          snapshot;      /* bytes that the whole table took */
} ngx_chat_state_file_t;


/* where a row of one of the last changes is */
#define NGX_CHAT_RECENT       64


struct ngx_chat_sh_s {
    uint32_t          magic;
    uint32_t          version;
    uint64_t          size;
    uint32_t          dirty;         /* a critical section is under way */
    uint32_t          moved;

    /* constant */

    uint64_t          epoch_start;
    uint64_t          hash_key[2];
    u_char            secret[32];

    uint32_t          seg_n;
    uint32_t          seg_size;
    uint32_t          room_n;
    uint32_t          bucket_n;      /* a power of two */
    uint32_t          interest_n;
    uint32_t          ring_n;        /* a power of two */
    uint32_t          nonce_n;       /* groups */
    uint32_t          limit_n;       /* sets */
    uint32_t          rate_n;        /* sets */
    uint32_t          record_n;      /* of the table */
    uint32_t          block_n;
    uint32_t          table_bucket_n;         /* a power of two */
    uint32_t          cap;           /* segments of a room without "size=" */
    uint32_t          remote;        /* rooms are shared by hosts */

    uint64_t          seats;         /* offsets from the header's begin */
    uint64_t          rings;
    uint64_t          rooms;
    uint64_t          buckets;
    uint64_t          interests;
    uint64_t          nonces;
    uint64_t          limits;
    uint64_t          rates;
    uint64_t          records_at;
    uint64_t          blocks_at;
    uint64_t          table_buckets;
    uint64_t          fair;
    uint64_t          segs;
    uint64_t          transients;
    uint64_t          transient_n;   /* bytes, a power of two */
    uint64_t          typings;
    uint64_t          typing_n;
    uint64_t          marks;
    uint64_t          mark_n;        /* sets */

    ngx_chat_presence_sh_t  presence;
    ngx_chat_hook_sh_t      hook;

    /* under the lock; the ring's are read without it */

    uint64_t          transient_head;    /* counts bytes ever written */
    uint64_t          transient_tail;    /* what is before was overwritten */

    uint64_t          lives;         /* rooms ever created */
    uint64_t          now;           /* ms, the last that a caller gave */
    uint64_t          sweep;         /* second of the last sweep, by CAS */
    uint64_t          records;
    uint64_t          total[NGX_CHAT_M_COUNTERS];

    uint64_t          table_seq;     /* of the last change of the table */
    uint64_t          table_clean;   /* second in which all were looked at */
    uint32_t          table_at;      /* of the sweep */
    uint32_t          recent[NGX_CHAT_RECENT];       /* by sequence */

    /* of the table on several hosts */

    uint32_t          share_on;
    uint32_t          share_owner;   /* seat + 1 that tells and asks; 0: none */
    uint64_t          share_beat;    /* seconds, when it last said so */
    uint64_t          share_told;    /* changes up to this are told */
    uint64_t          table_time;    /* seconds, the last that were given */

    /* of the state file; but for `state_on' and `state_whole' its writer's */

    uint32_t          state_on;      /* rows are written to a file */
    uint32_t          state_ready;   /* the file has what there is here */
    uint32_t          state_active;  /* which of the files */
    uint32_t          state_error;   /* errno of the last try; 0: all right */
    uint32_t          state_unsynced;
    uint32_t          state_wholes;  /* `state_whole' that was obeyed */
    uint32_t          state_whole;   /* times that all had to be written */
    uint64_t          state_saved;   /* changes up to this are in the file */
    uint64_t          state_tried;   /* seconds */
    uint64_t          state_synced;
    uint64_t          state_base;    /* what was read from the file, */
    uint64_t          state_mark;    /* and the table's sequence then */

    ngx_chat_state_file_t  state_file[2];

    /* used entries lie below `fresh', the memory above was never touched */

    uint32_t          seg_fresh;
    uint32_t          room_fresh;
    uint32_t          interest_fresh;
    uint32_t          sweep_at;

    /* derived */

    uint32_t          seg_free;
    uint32_t          seg_free_n;
    uint32_t          room_free;
    uint32_t          room_count;
    uint32_t          interest_free;
    uint32_t          lru_first;     /* the least recently used */
    uint32_t          lru_last;
    uint32_t          fair_max;      /* no room has more segments */

    uint32_t          record_free;
    uint32_t          record_free_n;
    uint32_t          block_free;
    uint32_t          block_free_n;
};


#define NGX_CHAT_SEG_HEADER   sizeof(ngx_chat_seg_t)

#define ngx_chat_mask_clear(m, n)                                             \
    ((m)->w[(n) >> 6] &= ~(1ULL << ((n) & 63)))

#define ngx_chat_sh_at(sh, off)       ((void *) ((u_char *) (sh) + (off)))

#define ngx_chat_seg(sh, ref)                                                 \
    ((ngx_chat_seg_t *) ngx_chat_sh_at(sh, (sh)->segs                         \
                        + (uint64_t) ((ref) - 1) * (sh)->seg_size))
#define ngx_chat_seats(sh)                                                    \
    ((ngx_chat_seat_t *) ngx_chat_sh_at(sh, (sh)->seats))
#define ngx_chat_slots(sh)                                                    \
    ((ngx_chat_slot_t *) ngx_chat_sh_at(sh, (sh)->rooms))
#define ngx_chat_interests(sh)                                                \
    ((ngx_chat_interest_t *) ngx_chat_sh_at(sh, (sh)->interests))
#define ngx_chat_buckets(sh)                                                  \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->buckets))
#define ngx_chat_transients(sh)                                               \
    ((u_char *) ngx_chat_sh_at(sh, (sh)->transients))
#define ngx_chat_typings(sh)                                                  \
    ((ngx_chat_typing_t *) ngx_chat_sh_at(sh, (sh)->typings))
#define ngx_chat_fair(sh)                                                     \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->fair))
#define ngx_chat_ring(sh, seat)                                               \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->rings)                             \
     + (size_t) (seat) * (sh)->ring_n)

#define ngx_chat_slot(sh, ref)        (&ngx_chat_slots(sh)[(ref) - 1])
#define ngx_chat_slot_ref(sh, slot)                                           \
    ((uint32_t) ((slot) - ngx_chat_slots(sh)) + 1)

#define ngx_chat_interest(sh, ref)    (&ngx_chat_interests(sh)[(ref) - 1])
#define ngx_chat_interest_ref(sh, e)                                          \
    ((uint32_t) ((e) - ngx_chat_interests(sh)) + 1)


/* ngx_chat_shm.c */

/*
 * Lays the zone out in `size' bytes at `sh'; NGX_DECLINED: they don't suffice.
 * With sh == NULL only tells.
 */
ngx_int_t ngx_chat_shm_layout(ngx_chat_sh_t *sh, size_t size, size_t zone,
    size_t nonce_size);

/* groups of the nonce table */
uint32_t ngx_chat_shm_nonces(size_t zone, size_t nonce_size);

/* for critical sections that write; repairs first what a dead holder left */
void ngx_chat_shm_lock(ngx_chat_zone_t *z);
/* for those that only read */
void ngx_chat_shm_lock_read(ngx_chat_zone_t *z);
/* takes the lock away from an owner that is dead; waits for nothing */
void ngx_chat_shm_relieve(ngx_chat_zone_t *z);
/* after either; logs a repair after it has unlocked */
void ngx_chat_shm_unlock(ngx_chat_zone_t *z);

uint64_t ngx_chat_hash(uint64_t seed, u_char *p, size_t len);


/* ngx_chat_repair.c */

void ngx_chat_repair_locked(ngx_chat_sh_t *sh);


/* ngx_chat_copy.c */

/* if the running cycle has this zone with another size; NGX_ERROR: what must
   not be lost doesn't fit, the old zone goes on */
ngx_int_t ngx_chat_copy_zone(ngx_chat_zone_t *z);


#endif /* _NGX_CHAT_SHM_H_INCLUDED_ */
