// Anti-replay window of RFC 4303, 3.4.3, for 32-bit and for extended sequence numbers, exact for
// every size from 1 to REPLAY_WINDOW_MAX packets. [any] Pure: one owner writes, nothing here is
// atomic. Check before the crypto, commit after the ICV holds; two copies of one packet in the same
// burst both pass the check, so commit decides.
#ifndef VIGIL_DATAPLANE_REPLAY_H
#define VIGIL_DATAPLANE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLAY_WINDOW_MAX 4096u
#define REPLAY_WORD_BITS  64u

// A ring of bits, one for each sequence number modulo its size; bit set = seen. Up to 64 packets
// the ring is `word`; larger ones are allocated apart and `ring` points to them.
struct replay {
	uint64_t top; // highest sequence number that was authentic; 0 = none yet
	union {
		uint64_t word;
		uint64_t *ring;
	};
	uint32_t size;       // packets in the window; 0 = protection off, everything passes
	uint32_t ring_words; // power of two; 1 = `word`
};

// Words of ring that a window of `size` packets needs (a power of two, so that the index is a
// mask).
static inline uint32_t replay_words(uint32_t size)
{
	uint32_t words = 1;

	while (words * REPLAY_WORD_BITS < size)
		words *= 2;
	return words;
}

// `ring` has replay_words(size) zeroed words, or is NULL for a size of 64 and less.
static inline void replay_init(struct replay *r, uint32_t size, uint64_t *ring)
{
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->ring_words = replay_words(size);
	if (r->ring_words > 1)
		r->ring = ring;
}

static inline uint64_t *replay_ring(struct replay *r)
{
	return r->ring_words > 1 ? r->ring : &r->word;
}

static inline const uint64_t *replay_ring_const(const struct replay *r)
{
	return r->ring_words > 1 ? r->ring : &r->word;
}

static inline uint64_t replay_bit(uint64_t seq)
{
	return 1ull << (seq % REPLAY_WORD_BITS);
}

static inline uint32_t replay_index(const struct replay *r, uint64_t seq)
{
	return (uint32_t)(seq / REPLAY_WORD_BITS) & (r->ring_words - 1);
}

// The extended sequence number of a packet that carries `low`, its lower half: of all numbers that
// end so the first one that is not below the window (RFC 4303, A2.1 and A2.2).
static inline uint64_t replay_recover(const struct replay *r, uint32_t low)
{
	uint64_t bottom = r->top >= r->size ? r->top - r->size + 1 : 0;

	return bottom + (uint32_t)(low - (uint32_t)bottom);
}

// May this packet be new? Zero is never sent (RFC 4303, 3.3.3). Writes nothing.
static inline bool replay_check(const struct replay *r, uint64_t seq)
{
	if (seq > r->top || r->size == 0)
		return true;
	if (seq == 0)
		return false;
	if (r->top - seq >= r->size)
		return false;
	return !(replay_ring_const(r)[replay_index(r, seq)] & replay_bit(seq));
}

// Forgets the numbers first..last, which come into the ring; at most one turn of the ring.
static inline void replay_clear(struct replay *r, uint64_t first, uint64_t last)
{
	uint64_t *ring = replay_ring(r);
	uint64_t word = first / REPLAY_WORD_BITS, end = last / REPLAY_WORD_BITS;

	if (last - first >= (uint64_t)r->ring_words * REPLAY_WORD_BITS) {
		memset(ring, 0, r->ring_words * sizeof(*ring));
		return;
	}
	for (; word <= end; word++) {
		uint64_t mask = UINT64_MAX;

		if (word == first / REPLAY_WORD_BITS)
			mask &= UINT64_MAX << (first % REPLAY_WORD_BITS);
		if (word == end)
			mask &= UINT64_MAX >> (REPLAY_WORD_BITS - 1 - last % REPLAY_WORD_BITS);
		ring[word & (r->ring_words - 1)] &= ~mask;
	}
}

// As replay_commit(), of a packet in order, as nearly all are: one number comes into the ring and
// is seen at once. An extended number may be given by its lower half: where that alone comes next,
// the upper half is 0. False: it is not in order, and nothing was done.
static inline bool replay_commit_next(struct replay *r, uint64_t seq)
{
	if (seq != r->top + 1 || !r->size)
		return false;
	replay_ring(r)[replay_index(r, seq)] |= replay_bit(seq);
	r->top = seq;
	return true;
}

// The packet is authentic: marks it. False: a copy came first, or the window has moved past it
// since the check; the packet must be dropped.
static inline bool replay_commit(struct replay *r, uint64_t seq)
{
	if (replay_commit_next(r, seq))
		return true;
	if (!replay_check(r, seq))
		return false;
	if (seq > r->top) {
		if (r->size)
			replay_clear(r, r->top + 1, seq);
		r->top = seq;
	}
	if (r->size)
		replay_ring(r)[replay_index(r, seq)] |= replay_bit(seq);
	return true;
}

#endif
