// Through which SA the packets of a flow went last: an exact-match cache of one worker for the
// short way out. [W] Its own worker's alone; no atomics. Every flow that it knows is protected, and
// this worker's.
//
// A key is the 16 bytes of a packet that tell flows apart (express_flow()), with what does not
// masked out, and the epoch: a change of rules or routes begins a new one, and makes all that is
// known void without touching it. The SA is the flow's as long as its `current` is what it was.
// What is not known here is looked up (policy.h, route.h).
//
// A line of 64 bytes holds two flows.
#ifndef VIGIL_DATAPLANE_FLOW_MEMO_H
#define VIGIL_DATAPLANE_FLOW_MEMO_H

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <stdint.h>
#include <x86intrin.h>

#include "sa.h"

#define FLOW_MEMO_EPOCH_MAX 0xffffffu // 24 bits of a key

struct flow_memo_entry {
	__m128i key;
	struct sa *sa;    // never moves
	uint32_t current; // its, while it is the flow's
	uint16_t out;     // interface that the route of the inner destination leads to
};

struct flow_memo_line {
	struct flow_memo_entry entries[2]; // the newer one first
};

_Static_assert(sizeof(struct flow_memo_line) == 64, "one cache line");

struct flow_memo {
	struct flow_memo_line *lines;
	uint32_t mask;
	uint32_t routes, rules; // what `epoch` is about: the routes' version, policy_changes()
	uint32_t epoch;         // not 0
};

// For about `flows` flows at a time, on NUMA node `socket`. NULL and errno.
struct flow_memo *flow_memo_create(uint32_t flows, int socket);
void flow_memo_destroy(struct flow_memo *m);
// Routes and rules are these now.
void flow_memo_renew(struct flow_memo *m, uint32_t routes, uint32_t rules);

// The key of a packet whose bytes from the TTL on are `flow`; `ports`: do the four bytes behind the
// header belong to it? Of nearly all packets they do.
static inline __m128i flow_memo_key(const struct flow_memo *m, __m128i flow, bool ports)
{
	uint32_t epoch = (m->epoch & 0xff) | (m->epoch >> 8) << 16;

	if (unlikely(!ports))
		flow = _mm_and_si128(flow, _mm_set_epi32(0, -1, -1, -1));
	return _mm_or_si128(_mm_and_si128(flow, _mm_set_epi32(-1, -1, -1, 0x0000ff00)),
	                    _mm_cvtsi32_si128((int)epoch));
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

static inline void flow_memo_put(struct flow_memo_line *line, __m128i key, struct sa *sa,
                                 uint16_t out)
{
	if (!flow_memo_is(&line->entries[0], key))
		line->entries[1] = line->entries[0];
	line->entries[0] =
		(struct flow_memo_entry){.key = key, .sa = sa, .current = sa->current, .out = out};
}

// What is known of this flow is void.
static inline void flow_memo_forget(struct flow_memo_line *line, __m128i key)
{
	for (unsigned i = 0; i < 2; i++)
		if (flow_memo_is(&line->entries[i], key))
			line->entries[i].key = _mm_setzero_si128();
}

#endif
