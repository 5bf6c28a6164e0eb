// Policy's readers. [W] No lock, no wait, no second try: see the head of policy_rules.h for why one
// walk is enough.
//
// A burst first makes all cache keys and prefetches their lines, then compares. Only what the cache
// does not know walks the tuples.
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <string.h>

#include "flow_cache.h"
#include "policy_rules.h"

#define PROBES 8u // tuples whose buckets are fetched at once

// The rules of an interface as one look-up sees them.
struct view {
	const struct shape *shape;
	uint64_t version;
	bool hold;
};

// False: there is no such interface.
static inline bool view_take(const struct policy *p, uint16_t iface, bool v6, struct view *view)
{
	const struct policy_iface *i = &p->ifaces[iface];
	uint32_t holds;

	if (unlikely(iface >= p->n_ifaces))
		return false;
	// Acquire: read before the version. Who sees the end of a hold sees what came while it
	// lasted.
	holds = __atomic_load_n(&i->holds, __ATOMIC_ACQUIRE);
	// Acquire: what this version shows is linked, and its tuples are in the shape.
	view->version = __atomic_load_n(&i->version, __ATOMIC_ACQUIRE);
	view->shape = __atomic_load_n(&i->shapes[v6], __ATOMIC_ACQUIRE);
	// One lasts, or has begun or ended meanwhile: then the version may be of its midst.
	view->hold = holds & 1 || __atomic_load_n(&i->holds, __ATOMIC_RELAXED) != holds;
	// A newer shape than the version: then all of its version is linked as well. Keys made with
	// two shapes must never meet under one stamp.
	if (unlikely(view->shape->version > view->version))
		view->version = view->shape->version;
	return true;
}

uint32_t policy_changes(const struct policy *p)
{
	// Acquire: who sees a change sees what it published.
	return __atomic_load_n(&p->changes, __ATOMIC_ACQUIRE);
}

static bool ports_match(const struct entry *e, uint64_t last)
{
	struct rest rest;

	memcpy(&rest, &last, sizeof(rest));
	return rest.local_port >= e->local_lo && rest.local_port <= e->local_hi &&
	       rest.remote_port >= e->remote_lo && rest.remote_port <= e->remote_hi;
}

// The first entry that is not below `from`, by the upper levels where there are any.
static const struct entry *list_seek(const struct node *node, uint64_t from)
{
	// Acquire: the tower is filled before it is seen.
	const struct tower *tower = __atomic_load_n(&node->tower, __ATOMIC_ACQUIRE);
	const struct entry *at = NULL, *next;

	for (unsigned level = tower && from ? LEVELS - 1 : 0; level > 0; level--)
		while ((next = entry_next(node, tower, at, level)) && next->major < from)
			at = next;
	at = entry_next(node, tower, at, 0);
	while (at && at->major < from)
		at = entry_next(node, tower, at, 0);
	return at;
}

// The first entry of a node that matches, is not below `from` and comes before `best`; else `best`.
static const struct entry *node_best(const struct node *node, const struct view *view,
                                     uint64_t last, uint64_t from, const struct entry *best)
{
	const struct entry *e = list_seek(node, from);

	for (; e && (!best || entry_before(e, best)); e = entry_next(node, NULL, e, 0)) {
		// Relaxed: whoever sees a version sees what ended before it.
		if (e->from > view->version ||
		    __atomic_load_n(&e->until, __ATOMIC_RELAXED) <= view->version)
			continue;
		if (!e->ranges || ports_match(e, last))
			return e;
	}
	return best;
}

static inline __attribute__((always_inline)) const struct node *node_find(const struct node *node,
                                                                          const struct tuple *t,
                                                                          const uint64_t *key,
                                                                          unsigned n)
{
	// Acquire: a node is filled before it is linked.
	for (; node; node = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE)) {
		uint64_t difference = 0;

		// First: a node of the other family has a key of another length.
		if (node->tuple != t)
			continue;
		for (unsigned i = 0; i < n; i++)
			difference |= node->key[i] ^ (key[i] & t->mask[i]);
		if (!difference)
			return node;
	}
	return NULL;
}

// The best entry of some tuples, or `best`.
static inline __attribute__((always_inline)) const struct entry *tuples_best(
	const struct policy *p, const struct view *view, struct tuple *const *tuples,
	uint32_t count, const uint64_t *key, unsigned n, uint64_t from, const struct entry *best)
{
	for (uint32_t done = 0; done < count; done += PROBES) {
		unsigned m = count - done < PROBES ? count - done : PROBES;
		struct node *const *buckets[PROBES];

		for (unsigned i = 0; i < m; i++) {
			uint64_t hash = policy_hash(p, tuples[done + i], key, n);

			buckets[i] = &p->buckets[hash & p->bucket_mask];
			rte_prefetch0(buckets[i]);
		}
		for (unsigned i = 0; i < m; i++) {
			const struct tuple *t = tuples[done + i];
			const struct node *node;

			// Relaxed: it is lowered before what is lower is shown.
			if (best && __atomic_load_n(&t->bound, __ATOMIC_RELAXED) > best->major)
				continue;
			node = node_find(__atomic_load_n(buckets[i], __ATOMIC_ACQUIRE), t, key, n);
			if (node)
				best = node_best(node, view, key[n - 1], from, best);
		}
	}
	return best;
}

// The entry that decides, NULL: none. Each round settles one sequence number at least, the one of
// the first permit that fits; only those in which a deny comes before it need another round.
static inline __attribute__((always_inline)) const struct entry *walk(const struct policy *p,
                                                                      const struct view *view,
                                                                      const uint64_t *key,
                                                                      unsigned n)
{
	const struct shape *shape = view->shape;
	uint64_t from = 0;

	for (;;) {
		const struct entry *permit, *first;

		permit = tuples_best(p, view, shape->tuples, shape->permits, key, n, from, NULL);
		if (!permit || !shape->denies)
			return permit;
		first = tuples_best(p, view, shape->tuples + shape->permits, shape->denies, key, n,
		                    permit->major >> LINE_BITS << LINE_BITS, permit);
		if (first == permit)
			return permit;
		if (permit->major >> LINE_BITS == SEQUENCE_MAX)
			return NULL;
		from = ((permit->major >> LINE_BITS) + 1) << LINE_BITS;
	}
}

static inline __attribute__((always_inline)) struct policy_answer answer(const struct policy *p,
                                                                         const struct view *view,
                                                                         const uint64_t *key,
                                                                         unsigned n)
{
	const struct entry *e = walk(p, view, key, n);

	if (e && e->fragment)
		return (struct policy_answer){.verdict = POLICY_FRAGMENT};
	if (e)
		return (struct policy_answer){.tunnel = e->tunnel, .verdict = POLICY_PROTECT};
	return (struct policy_answer){.verdict = view->hold ? POLICY_CHANGING : POLICY_CLEAR};
}

static inline __attribute__((always_inline)) struct policy_answer find_one(const struct policy *p,
                                                                           const uint64_t *key,
                                                                           unsigned n,
                                                                           uint16_t iface)
{
	struct view view;

	if (!view_take(p, iface, n == WORDS_V6, &view))
		return (struct policy_answer){.verdict = POLICY_CHANGING};
	return answer(p, &view, key, n);
}

struct policy_answer policy_find(const struct policy *p, const struct policy_key *key)
{
	uint64_t words[WORDS_V4];

	memcpy(words, key, sizeof(words));
	return find_one(p, words, WORDS_V4, key->iface);
}

struct policy_answer policy_find6(const struct policy *p, const struct policy_key6 *key)
{
	uint64_t words[WORDS_V6];

	memcpy(words, key, sizeof(words));
	return find_one(p, words, WORDS_V6, key->iface);
}

// ---- bursts --------------------------------------------------------------------------------

static inline struct policy_answer hit_answer(const struct flow_head *hit)
{
	return (struct policy_answer){hit->tunnel, hit->mark & ((1u << FLOW_VALUE_BITS) - 1)};
}

// What the first line did not know: the second line, then the rules. Rules look at nothing that the
// masked key lacks.
static __attribute__((noinline)) struct policy_answer slow(const struct policy *p,
                                                           const struct view *view,
                                                           struct flow_cache *cache, uint64_t hash,
                                                           const uint64_t *key, unsigned n)
{
	uint64_t mark = flow_mark(view->version, n == WORDS_V6);
	const struct flow_head *hit;
	struct policy_answer a;

	if (n == WORDS_V6)
		hit = flow_line_find(flow_line_second(cache, hash), mark, key, WORDS_V6);
	else
		hit = flow_line_find(flow_line_second(cache, hash), mark, key, WORDS_V4);
	if (hit)
		return hit_answer(hit);
	a = n == WORDS_V6 ? answer(p, view, key, WORDS_V6) : answer(p, view, key, WORDS_V4);
	// A hold may be over while its last version stays.
	if (a.verdict != POLICY_CHANGING)
		flow_cache_put(cache, hash, mark | a.verdict, key, n, a.tunnel);
	return a;
}

static inline __attribute__((always_inline)) bool keys_equal(const uint64_t *a, const uint64_t *b,
                                                             unsigned n)
{
	uint64_t difference = 0;

	for (unsigned i = 0; i < n; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

// Keys are structures of 16 bit and 8 bit fields: read as words without breaking aliasing rules.
static inline uint64_t key_word(const void *keys, unsigned at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)keys + at * sizeof(word), sizeof(word));
	return word;
}

// A part of a burst, all of one interface.
static inline __attribute__((always_inline)) void find_run(
	const struct policy *p, const struct view *view, struct flow_cache *cache,
	const uint64_t *keys, unsigned count, unsigned n, struct policy_answer *answers)
{
	uint64_t mark = flow_mark(view->version, n == WORDS_V6);
	uint64_t masked[POLICY_BURST * WORDS], hashes[POLICY_BURST];

	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < n; j++)
			masked[i * n + j] = key_word(keys, i * n + j) & view->shape->look[j];
		hashes[i] = salt_hash(&cache->salt, masked + i * n, n);
		rte_prefetch0(flow_line_first(cache, hashes[i]));
	}
	for (unsigned i = 0; i < count; i++) {
		const uint64_t *key = masked + i * n;
		const struct flow_head *hit;

		if (i && keys_equal(key, key - n, n)) {
			answers[i] = answers[i - 1];
			continue;
		}
		hit = flow_line_find(flow_line_first(cache, hashes[i]), mark, key, n);
		answers[i] =
			likely(hit) ? hit_answer(hit) : slow(p, view, cache, hashes[i], key, n);
	}
}

// See struct policy_key; little endian.
static inline uint16_t key_iface(const void *keys, unsigned i, unsigned n)
{
	return (uint16_t)(key_word(keys, i * n + n - 1) >> 48);
}

static inline __attribute__((always_inline)) void find_burst(const struct policy *p,
                                                             struct flow_cache *cache,
                                                             const void *keys, unsigned count,
                                                             unsigned n,
                                                             struct policy_answer *answers)
{
	for (unsigned at = 0, end; at < count; at = end) {
		uint16_t iface = key_iface(keys, at, n);
		struct view view;

		for (end = at + 1; end < count && key_iface(keys, end, n) == iface;)
			end++;
		if (likely(view_take(p, iface, n == WORDS_V6, &view))) {
			find_run(p, &view, cache, (const uint64_t *)keys + at * n, end - at, n,
			         answers + at);
			continue;
		}
		for (unsigned i = at; i < end; i++)
			answers[i] = (struct policy_answer){.verdict = POLICY_CHANGING};
	}
}

void policy_find_burst(const struct policy *p, struct flow_cache *cache,
                       const struct policy_key *keys, unsigned n, struct policy_answer *answers)
{
	find_burst(p, cache, keys, n, WORDS_V4, answers);
}

void policy_find6_burst(const struct policy *p, struct flow_cache *cache,
                        const struct policy_key6 *keys, unsigned n, struct policy_answer *answers)
{
	find_burst(p, cache, keys, n, WORDS_V6, answers);
}
