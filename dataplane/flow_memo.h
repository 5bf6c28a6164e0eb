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

#include "crypto.h"

#define FLOW_MEMO_EPOCH_MAX 0xffffffu // 24 bits of a key

struct flow_memo_entry {
	__m128i key;
	union {
		struct {
			int32_t sa, keys; // near: see flow_memo_at()
		};
		uint32_t slot; // else: of the SA
	};
	uint32_t current; // the SA's, while it is the flow's
	uint16_t out;     // interface that the route of the inner destination leads to
	// The SA's: which lines of its keys will be needed. What is cold here may be warm by now.
	uint8_t engine;
	uint8_t key_len; // FLOW_MEMO_NEAR = AES-GCM with 128 bits, as of most, and near
};

#define FLOW_MEMO_NEAR UINT8_MAX // no key is so long, and NULL has none at all

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

// SAs and keys never move, and nearly always their memory and the memo's are one region of EAL's.
// Where in it, in lines from the memo's own on.
static inline void *flow_memo_at(const struct flow_memo *m, int32_t where)
{
	return (char *)m->lines + (int64_t)where * SA_LINE;
}

// False: too far away.
static inline bool flow_memo_where(const struct flow_memo *m, const void *at, int32_t *where)
{
	int64_t lines = ((const char *)at - (const char *)m->lines) / SA_LINE;

	*where = (int32_t)lines;
	return *where == lines;
}

static inline void flow_memo_put(const struct flow_memo *m, struct flow_memo_line *line,
                                 __m128i key, const struct sa *sa, uint16_t out)
{
	bool is_gcm128 = sa->engine < SA_ENGINE_CHACHA && sa->key_len == CRYPTO_KEY_MIN;
	struct flow_memo_entry e = {.key = key,
	                            .current = sa->current,
	                            .out = out,
	                            .engine = sa->engine,
	                            .key_len = FLOW_MEMO_NEAR};

	if (!is_gcm128 || !flow_memo_where(m, sa, &e.sa) ||
	    !flow_memo_where(m, sa->keys, &e.keys)) {
		e.slot = sa->slot;
		e.key_len = sa->key_len;
	}
	if (!flow_memo_is(&line->entries[0], key))
		line->entries[1] = line->entries[0];
	line->entries[0] = e;
}

// What is known of this flow is void.
static inline void flow_memo_forget(struct flow_memo_line *line, __m128i key)
{
	for (unsigned i = 0; i < 2; i++)
		if (flow_memo_is(&line->entries[i], key))
			line->entries[i].key = _mm_setzero_si128();
}

#endif
