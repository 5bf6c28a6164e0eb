// Inside policy: how the rules lie. [C] writes in policy.c, [W] reads in policy_find.c.
//
// A tuple is a mask over a packet's key: so many bits of the local and of the remote address, the
// protocol or not, so many bits of the ports. Rules with one mask and one value under it are a
// node, found by one look-up in a hash of all nodes; its list is in order. So a look-up costs one
// probe for each tuple of the interface, however many rules there are. Permits and denies have
// tuples of their own: denies are asked only about the sequence number of a permit that was found.
//
// A port range lies in the smallest block 2^n that holds it and is compared entry by entry. A rule
// with ports lies in a second tuple as well, where packets without visible ports meet it.
//
// Versions: a reader takes the interface's version once, and sees the entries that were valid then:
// from <= version < until. An entry is linked before the version that shows it is published, and
// unlinked when no reader can have an older version than the one that ended it. So all links change
// while nobody can tell.
#ifndef VIGIL_DATAPLANE_POLICY_RULES_H
#define VIGIL_DATAPLANE_POLICY_RULES_H

#include "policy.h"
#include "reclaim.h"
#include "salt.h"

#define WORDS_V4 2u // of a key
#define WORDS_V6 5u
#define WORDS    5u
#define LEVELS   12u // of a list, the plain one included
#define FAMILIES 2u

#define LINE_BITS    31u // of an entry's `major`
#define SEQUENCE_MAX (UINT64_MAX >> LINE_BITS)

// The last word of a key.
struct rest {
	uint16_t local_port, remote_port;
	uint8_t proto, ports;
	uint16_t iface;
};

// The lower levels come first; an entry has `levels` of them.
struct entry {
	struct reclaim_item item;
	uint64_t from, until; // versions; until: atomic, readers see it old or new
	uint64_t major;       // sequence << LINE_BITS | line; order is {major, instance, from}
	uint32_t instance;
	uint8_t levels;
	bool ranges;   // compare the ports
	bool fragment; // stands for a rule whose ports this packet does not show
	uint16_t local_lo, local_hi, remote_lo, remote_hi;
	struct handle tunnel;
	struct node *node;
	struct entry *next[]; // atomic
};

// The upper levels of a long list. Entries from before it was long have none.
struct tower {
	struct reclaim_item item;
	struct entry *first[LEVELS - 1]; // atomic
};

struct node {
	union {
		uint32_t entries; // control's, while it is in use
		struct reclaim_item item;
	};
	struct node *next; // of the bucket; atomic
	struct tuple *tuple;
	struct entry *first; // atomic
	struct tower *tower; // NULL = short; atomic
	uint64_t key[];      // of the tuple's family
};

struct tuple {
	struct reclaim_item item;
	uint64_t salt;
	uint64_t mask[WORDS];
	uint64_t bound; // no entry has a lower major; control lowers it before the entry is shown
	bool v6, deny;
	// Control's.
	uint16_t iface;
	uint32_t nodes;
	uint64_t look[WORDS]; // what its rules look at: more than the mask where there are ranges
	struct tuple *next;   // of the bucket
} __attribute__((aligned(64)));

// The tuples of an interface and family; never changes. Permits first, in order of their bounds.
struct shape {
	struct reclaim_item item;
	uint64_t version; // of its own
	uint64_t look[WORDS];
	uint32_t permits, denies;
	struct tuple *tuples[];
};

struct policy_iface {
	uint64_t version;               // control (release): what it shows is linked
	struct shape *shapes[FAMILIES]; // control (release): never NULL
	uint32_t holds;                 // control (release): begun and ended; odd = one lasts
} __attribute__((aligned(64)));

// What control needs to find a rule again. A rule with ports has two entries.
struct rule {
	uint32_t generation; // odd = in use
	uint32_t next_free;  // slot + 1, 0 = none
	struct entry *entries[2];
};

// An entry of one level, a node of IPv4, a rule.
_Static_assert(sizeof(struct entry) + sizeof(struct entry *) + sizeof(struct node) +
                               WORDS_V4 * sizeof(uint64_t) + sizeof(struct rule) ==
                       POLICY_RULE_BYTES,
               "memory of a rule");

#define TUPLE_BUCKETS 1024u

struct policy {
	struct salt salt;
	struct node **buckets; // each atomic
	uint64_t bucket_mask;
	// Control's.
	struct reclaim dying; // entries, on their way out of the lists
	struct reclaim freed; // out of everything
	uint64_t version;     // the last one given out, to whatever interface
	uint32_t changes;     // publications; written (release) behind each
	uint64_t random;      // for the lists' levels
	struct tuple *tuples[TUPLE_BUCKETS];
	struct rule *rules;
	uint32_t n_rules, unused_rules, free_rule; // room, first never used; index + 1, 0 = none
	uint32_t used_rules;
	uint16_t n_ifaces;
	struct policy_iface ifaces[];
};

static inline unsigned policy_words(bool v6)
{
	return v6 ? WORDS_V6 : WORDS_V4;
}

// `n` is known when compiling.
static inline __attribute__((always_inline)) uint64_t policy_hash(const struct policy *p,
                                                                  const struct tuple *t,
                                                                  const uint64_t *key, unsigned n)
{
	uint64_t masked[WORDS];

	for (unsigned i = 0; i < n; i++)
		masked[i] = key[i] & t->mask[i];
	masked[0] ^= t->salt;
	return salt_hash(&p->salt, masked, n);
}

// Is {major, instance, from} of a lower than that of b?
static inline bool entry_before(const struct entry *a, const struct entry *b)
{
	if (a->major != b->major)
		return a->major < b->major;
	if (a->instance != b->instance)
		return a->instance < b->instance;
	return a->from < b->from;
}

// The first entry of a level of a node's list, or the one behind `e`. Acquire: an entry is filled
// before it is linked.
static inline struct entry *entry_next(const struct node *node, const struct tower *tower,
                                       const struct entry *e, unsigned level)
{
	if (e)
		return __atomic_load_n(&e->next[level], __ATOMIC_ACQUIRE);
	if (level == 0)
		return __atomic_load_n(&node->first, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&tower->first[level - 1], __ATOMIC_ACQUIRE);
}

#endif
