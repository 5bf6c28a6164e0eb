// What policy last said about a flow: an exact-match cache of one worker, in front of the look-up.
// [W] Its own worker's alone; no atomics.
//
// A key is what any rule looks at of a packet (policy_find.c makes it), so that one entry serves
// all hosts of a tunnel between networks. An entry counts only under the stamp that it was made
// under: any change of the interface's rules makes another stamp, so nothing has to be flushed.
//
// A line of 64 bytes holds two IPv4 entries or one of IPv6. A key has a first line, which a burst
// prefetches, and a second one, for what finds the first taken.
#ifndef VIGIL_DATAPLANE_FLOW_CACHE_H
#define VIGIL_DATAPLANE_FLOW_CACHE_H

#include <stdalign.h>
#include <stdbool.h>

#include "salt.h"
#include "types.h"

#define FLOW_WORDS_V6   5u
#define FLOW_VALUE_BITS 3u // of a mark, the lowest: what is remembered beside the tunnel
#define FLOW_MARK_V6    (1ull << FLOW_VALUE_BITS)

// The mark of a stamp (never 0) and a family; the low bits are free for the value.
static inline uint64_t flow_mark(uint64_t stamp, bool v6)
{
	return stamp << (FLOW_VALUE_BITS + 1) | (v6 ? FLOW_MARK_V6 : 0);
}

struct flow_head {
	uint64_t mark; // flow_mark() | value; 0 = empty
	struct handle tunnel;
};

struct flow_v4 {
	struct flow_head head;
	uint64_t key[2];
};

// The zero lies where the second IPv4 entry of a line has its mark: it is none.
struct flow_v6 {
	struct flow_head head;
	uint64_t low[2];
	uint64_t zero;
	uint64_t high[3];
};

union flow_line {
	struct flow_v4 v4[2];
	struct flow_v6 v6;
};

_Static_assert(sizeof(union flow_line) == 64, "one cache line");

struct flow_cache {
	struct salt salt;
	union flow_line *lines;
	uint32_t mask;
	uint32_t turn; // which entry of a full line goes
};

// For about `flows` flows at a time, on NUMA node `socket`. NULL and errno.
struct flow_cache *flow_cache_create(uint32_t flows, int socket);
void flow_cache_destroy(struct flow_cache *c);

static inline union flow_line *flow_line_first(const struct flow_cache *c, uint64_t hash)
{
	return &c->lines[hash & c->mask];
}

static inline union flow_line *flow_line_second(const struct flow_cache *c, uint64_t hash)
{
	return &c->lines[hash >> 32 & c->mask];
}

static inline bool flow_v4_is(const struct flow_v4 *e, uint64_t mark, const uint64_t *key)
{
	return ((e->key[0] ^ key[0]) | (e->key[1] ^ key[1]) |
	        (e->head.mark ^ mark) >> FLOW_VALUE_BITS) == 0;
}

static inline bool flow_v6_is(const struct flow_v6 *e, uint64_t mark, const uint64_t *key)
{
	return ((e->low[0] ^ key[0]) | (e->low[1] ^ key[1]) | (e->high[0] ^ key[2]) |
	        (e->high[1] ^ key[3]) | (e->high[2] ^ key[4]) |
	        (e->head.mark ^ mark) >> FLOW_VALUE_BITS) == 0;
}

// The entry of a key of `n` words in a line, or NULL.
static inline __attribute__((always_inline)) const struct flow_head *flow_line_find(
	const union flow_line *line, uint64_t mark, const uint64_t *key, unsigned n)
{
	if (n == FLOW_WORDS_V6)
		return flow_v6_is(&line->v6, mark, key) ? &line->v6.head : NULL;
	if (flow_v4_is(&line->v4[0], mark, key))
		return &line->v4[0].head;
	return flow_v4_is(&line->v4[1], mark, key) ? &line->v4[1].head : NULL;
}

// Remembers an answer: `mark` with the value, a key of `n` words.
void flow_cache_put(struct flow_cache *c, uint64_t hash, uint64_t mark, const uint64_t *key,
                    unsigned n, struct handle tunnel);

#endif
