// Where the packets of a flow went last: an exact-match cache of one worker for the short way out.
// [W] Its own worker's alone; no atomics. Every flow that it knows is protected, and this worker's.
//
// A key is the 16 bytes of a packet that tell flows apart (express_flow()), with what does not
// masked out. It says nothing about rules and routes, so an answer counts only under the version of
// the rules and the epoch of the routes that it was found under: a change of either makes it void
// without touching it. What is not known here is looked up (policy.h, route.h).
//
// A line of 64 bytes holds two flows.
#ifndef VIGIL_DATAPLANE_FLOW_MEMO_H
#define VIGIL_DATAPLANE_FLOW_MEMO_H

#include <rte_prefetch.h>
#include <stdint.h>
#include <x86intrin.h>

#include "types.h"

struct flow_memo_entry {
	__m128i key;
	struct handle tunnel;
	uint64_t stamp; // flow_memo_stamp(); 0 = empty
};

struct flow_memo_line {
	struct flow_memo_entry entries[2]; // the newer one first
};

_Static_assert(sizeof(struct flow_memo_line) == 64, "one cache line");

struct flow_memo {
	struct flow_memo_line *lines;
	uint32_t mask;
	uint32_t routes; // the table's version that `epoch` is about
	uint16_t epoch;  // part of every key; not 0
};

// For about `flows` flows at a time, on NUMA node `socket`. NULL and errno.
struct flow_memo *flow_memo_create(uint32_t flows, int socket);
void flow_memo_destroy(struct flow_memo *m);
// The routes are of this version now.
void flow_memo_renew(struct flow_memo *m, uint32_t routes);

// Of an answer by the rules of interface `out` in this version, which is never 0.
static inline uint64_t flow_memo_stamp(uint64_t version, uint16_t out)
{
	return version << 16 | out;
}

static inline uint16_t flow_memo_out(uint64_t stamp)
{
	return (uint16_t)stamp;
}

// The key of a packet whose bytes from the TTL on are `flow`; `ports`: the four bytes behind the
// header belong to it.
static inline __m128i flow_memo_key(const struct flow_memo *m, __m128i flow, bool ports)
{
	const __m128i mask = _mm_set_epi32(ports ? -1 : 0, -1, -1, 0x0000ff00);

	return _mm_or_si128(_mm_and_si128(flow, mask),
	                    _mm_cvtsi32_si128((int)((uint32_t)m->epoch << 16)));
}

static inline struct flow_memo_line *flow_memo_line(const struct flow_memo *m, __m128i key)
{
	uint64_t hash = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(key));

	hash = _mm_crc32_u64(hash, (uint64_t)_mm_extract_epi64(key, 1));
	return &m->lines[hash & m->mask];
}

static inline bool flow_memo_is(const struct flow_memo_entry *e, __m128i key)
{
	return _mm_movemask_epi8(_mm_cmpeq_epi8(e->key, key)) == 0xffff;
}

// NULL: not known.
static inline const struct flow_memo_entry *flow_memo_find(const struct flow_memo_line *line,
                                                           __m128i key)
{
	if (flow_memo_is(&line->entries[0], key))
		return &line->entries[0];
	return flow_memo_is(&line->entries[1], key) ? &line->entries[1] : NULL;
}

static inline void flow_memo_put(struct flow_memo_line *line, __m128i key, struct handle tunnel,
                                 uint64_t stamp)
{
	if (!flow_memo_is(&line->entries[0], key))
		line->entries[1] = line->entries[0];
	line->entries[0] = (struct flow_memo_entry){key, tunnel, stamp};
}

#endif
