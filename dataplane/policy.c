// Crypto map policy, the writing side. [C] only; nothing waits for a reader. How the rules lie, and
// why readers never notice a change half-way, stands at the head of policy_rules.h.
#include "policy.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

#include "policy_rules.h"

#define LONG        16u // entries from which a list gets its upper levels
#define UNLINKS     8u  // ripe entries taken out by one change: more than one change can add
#define FREES       32u
#define BUCKETS_MIN 1024u

#define NARROWED 512u // tuples of an interface whose looks are put together again when one goes

// Versions that a change takes before its own, at most: two new shapes, and one that is removed
// again since there is no memory for the other.
#define SHAPES 3u

// Shows what is linked for `version`. Writer: control. Release: the links come first.
static void publish(struct policy *p, uint16_t iface, uint64_t version)
{
	p->version = version;
	__atomic_store_n(&p->ifaces[iface].version, version, __ATOMIC_RELEASE);
	__atomic_store_n(&p->changes, p->changes + 1, __ATOMIC_RELEASE);
}

// ---- tuples ----------------------------------------------------------------------------------

// A rule's place: under which mask, with what value, and what it looks at.
struct place {
	uint64_t mask[WORDS], look[WORDS], key[WORDS];
	uint16_t iface;
	bool v6, deny;
};

static struct shape *shape_alloc(uint32_t tuples)
{
	return calloc(1, sizeof(struct shape) + tuples * sizeof(struct tuple *));
}

static void look_add(uint64_t look[WORDS], const uint64_t more[WORDS])
{
	for (unsigned i = 0; i < WORDS; i++)
		look[i] |= more[i];
}

// Keys of the flow cache tell interfaces apart, whatever rules look at.
static void shape_look_iface(struct shape *shape, bool v6)
{
	const struct rest rest = {.iface = UINT16_MAX};

	memcpy(&shape->look[policy_words(v6) - 1], &rest, sizeof(rest));
}

// Readers take the new shape, and its version with it. It shows no rule and hides none: it only has
// other keys in the flow cache.
static void shape_replace(struct policy *p, uint16_t iface, bool v6, struct shape *shape)
{
	struct shape *old = p->ifaces[iface].shapes[v6];

	shape->version = ++p->version;
	// Release: the shape's contents and its tuples come first.
	__atomic_store_n(&p->ifaces[iface].shapes[v6], shape, __ATOMIC_RELEASE);
	reclaim_defer(&p->freed, &old->item);
}

// The first permit behind those whose bounds are not above this one; nearly so, for bounds fall.
static uint32_t place_by_bound(const struct shape *shape, uint64_t bound)
{
	uint32_t lo = 0, hi = shape->permits;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (shape->tuples[mid]->bound <= bound)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// Puts a tuple in, among the permits by its bound: then the best entry is found early.
static int shape_add(struct policy *p, struct tuple *t)
{
	const struct shape *old = p->ifaces[t->iface].shapes[t->v6];
	uint32_t n = old->permits + old->denies;
	uint32_t at = t->deny ? old->permits : place_by_bound(old, t->bound);
	struct shape *shape = shape_alloc(n + 1);

	if (!shape)
		return -ENOMEM;
	memcpy(shape->tuples, old->tuples, at * sizeof(old->tuples[0]));
	shape->tuples[at] = t;
	memcpy(shape->tuples + at + 1, old->tuples + at, (n - at) * sizeof(old->tuples[0]));
	shape->permits = old->permits + !t->deny;
	shape->denies = old->denies + t->deny;
	memcpy(shape->look, old->look, sizeof(shape->look));
	look_add(shape->look, t->look);
	shape_replace(p, t->iface, t->v6, shape);
	return 0;
}

// What all tuples look at. Of many it is not found out anew: more than needed is never wrong, the
// flow cache only has more keys.
static void shape_look(struct shape *shape, const struct tuple *without, const struct shape *old)
{
	uint32_t n = shape->permits + shape->denies;

	if (n > NARROWED) {
		memcpy(shape->look, old->look, sizeof(shape->look));
		return;
	}
	shape_look_iface(shape, without->v6);
	for (uint32_t i = 0; i < n; i++)
		look_add(shape->look, shape->tuples[i]->look);
}

static int shape_remove(struct policy *p, const struct tuple *t)
{
	const struct shape *old = p->ifaces[t->iface].shapes[t->v6];
	uint32_t n = old->permits + old->denies, at = 0;
	struct shape *shape = shape_alloc(n);

	if (!shape)
		return -ENOMEM;
	while (old->tuples[at] != t)
		at++;
	memcpy(shape->tuples, old->tuples, at * sizeof(old->tuples[0]));
	memcpy(shape->tuples + at, old->tuples + at + 1, (n - at - 1) * sizeof(old->tuples[0]));
	shape->permits = old->permits - !t->deny;
	shape->denies = old->denies - t->deny;
	shape_look(shape, t, old);
	shape_replace(p, t->iface, t->v6, shape);
	return 0;
}

static uint64_t place_salt(const struct policy *p, const struct place *at)
{
	uint64_t hash = salt_hash(&p->salt, at->mask, WORDS) ^
	                salt_mix(salt_hash(&p->salt, at->look, WORDS), p->salt.words[0]);

	return salt_mix(hash ^ at->iface, p->salt.words[1] ^ (at->deny * 2u + at->v6));
}

static struct tuple *tuple_need(struct policy *p, const struct place *at, uint64_t major)
{
	uint64_t salt = place_salt(p, at);
	struct tuple **bucket = &p->tuples[salt % TUPLE_BUCKETS], *t;

	for (t = *bucket; t; t = t->next)
		if (t->iface == at->iface && t->v6 == at->v6 && t->deny == at->deny &&
		    memcmp(t->mask, at->mask, sizeof(t->mask)) == 0 &&
		    memcmp(t->look, at->look, sizeof(t->look)) == 0)
			return t;
	t = aligned_alloc(64, sizeof(*t));
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	memcpy(t->mask, at->mask, sizeof(t->mask));
	memcpy(t->look, at->look, sizeof(t->look));
	t->salt = salt;
	t->bound = major;
	t->iface = at->iface;
	t->v6 = at->v6;
	t->deny = at->deny;
	if (shape_add(p, t)) {
		free(t);
		return NULL;
	}
	t->next = *bucket;
	*bucket = t;
	return t;
}

// Without memory for the smaller shape the tuple stays, empty, until a later one replaces it.
static void tuple_drop_if_empty(struct policy *p, struct tuple *t)
{
	struct tuple **link = &p->tuples[t->salt % TUPLE_BUCKETS];

	if (t->nodes || shape_remove(p, t))
		return;
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	reclaim_defer(&p->freed, &t->item);
}

// ---- nodes and their lists -------------------------------------------------------------------

static struct node **bucket_of(struct policy *p, const struct tuple *t, const uint64_t *key)
{
	uint64_t hash = t->v6 ? policy_hash(p, t, key, WORDS_V6) : policy_hash(p, t, key, WORDS_V4);

	return &p->buckets[hash & p->bucket_mask];
}

static struct node *node_need(struct policy *p, struct tuple *t, const struct place *at)
{
	struct node **bucket = bucket_of(p, t, at->key), *node;
	size_t size = policy_words(t->v6) * sizeof(at->key[0]);

	for (node = *bucket; node; node = node->next)
		if (node->tuple == t && memcmp(node->key, at->key, size) == 0)
			return node;
	node = calloc(1, sizeof(*node) + size);
	if (!node)
		return NULL;
	memcpy(node->key, at->key, size);
	node->tuple = t;
	node->next = *bucket;
	t->nodes++;
	// Release: filled before it is linked.
	__atomic_store_n(bucket, node, __ATOMIC_RELEASE);
	return node;
}

static void node_drop_if_empty(struct policy *p, struct node *node)
{
	struct node **link = bucket_of(p, node->tuple, node->key);

	if (node->entries)
		return;
	while (*link != node)
		link = &(*link)->next;
	// Readers on it go on by its own link.
	__atomic_store_n(link, node->next, __ATOMIC_RELEASE);
	node->tuple->nodes--;
	tuple_drop_if_empty(p, node->tuple);
	if (node->tower)
		reclaim_defer(&p->freed, &node->tower->item);
	reclaim_defer(&p->freed, &node->item);
}

// One level in four entries, two in sixteen, and so on.
static uint8_t random_levels(struct policy *p)
{
	uint8_t levels = 1;

	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	for (uint64_t bits = p->random; levels < LEVELS && (bits & 3) == 0; bits >>= 2)
		levels++;
	return levels;
}

// Without memory for it the list stays plain: slower, not wrong.
static void tower_need(struct node *node)
{
	struct tower *tower;

	if (node->tower || node->entries < LONG)
		return;
	tower = calloc(1, sizeof(*tower));
	// Release: pairs with the readers' acquire.
	__atomic_store_n(&node->tower, tower, __ATOMIC_RELEASE);
}

// The links that lead to where an entry is or would be, one for each level there is.
static unsigned list_path(struct node *node, const struct entry *entry, struct entry **path[LEVELS])
{
	unsigned levels = node->tower ? LEVELS : 1;
	struct entry *at = NULL, *next;

	for (unsigned level = levels; level-- > 0;) {
		while ((next = entry_next(node, node->tower, at, level)) && next != entry &&
		       entry_before(next, entry))
			at = next;
		path[level] = at           ? &at->next[level]
		              : level == 0 ? &node->first
		                           : &node->tower->first[level - 1];
	}
	return levels;
}

static void list_insert(struct node *node, struct entry *entry)
{
	struct entry **path[LEVELS];

	list_path(node, entry, path);
	for (unsigned level = 0; level < entry->levels; level++) {
		entry->next[level] = *path[level];
		// Release: filled before it is linked, and linked below before above.
		__atomic_store_n(path[level], entry, __ATOMIC_RELEASE);
	}
	node->entries++;
}

// Readers on it go on by its own links.
static void list_remove(struct node *node, const struct entry *entry)
{
	struct entry **path[LEVELS];

	list_path(node, entry, path);
	for (unsigned level = entry->levels; level-- > 0;)
		if (*path[level] == entry)
			__atomic_store_n(path[level], entry->next[level], __ATOMIC_RELEASE);
	node->entries--;
}

// ---- entries ---------------------------------------------------------------------------------

// Linked where `at` says, from the version in `like` on. NULL: no memory.
static struct entry *entry_link(struct policy *p, const struct place *at, const struct entry *like)
{
	struct tuple *t = tuple_need(p, at, like->major);
	struct node *node = t ? node_need(p, t, at) : NULL;
	struct entry *e = NULL;
	uint8_t levels;

	if (!t)
		return NULL;
	if (!node) {
		tuple_drop_if_empty(p, t);
		return NULL;
	}
	tower_need(node);
	levels = node->tower ? random_levels(p) : 1;
	e = malloc(sizeof(*e) + levels * sizeof(e->next[0]));
	if (!e) {
		node_drop_if_empty(p, node);
		return NULL;
	}
	*e = *like;
	e->levels = levels;
	e->node = node;
	// Relaxed: the version that shows the entry comes later.
	if (e->major < t->bound)
		__atomic_store_n(&t->bound, e->major, __ATOMIC_RELAXED);
	list_insert(node, e);
	return e;
}

static void entry_unlink(struct policy *p, struct entry *e)
{
	list_remove(e->node, e);
	node_drop_if_empty(p, e->node);
	reclaim_defer(&p->freed, &e->item);
}

// No reader sees it from `version` on. Relaxed: the version is published with release.
static void entry_end(struct entry *e, uint64_t version)
{
	__atomic_store_n(&e->until, version, __ATOMIC_RELAXED);
}

// What is no longer seen leaves the lists, and what is in no list any more is freed.
static void tidy(struct policy *p)
{
	struct reclaim_item *item;

	for (unsigned i = 0; i < UNLINKS && (item = reclaim_take(&p->dying, false)); i++)
		entry_unlink(p, (struct entry *)item);
	reclaim_free(&p->freed, FREES);
}

// ---- rules to places -------------------------------------------------------------------------

static void mask_bits(uint8_t *mask, unsigned len)
{
	memset(mask, 0xff, len / 8);
	if (len % 8)
		mask[len / 8] = (uint8_t)(0xff00u >> len % 8);
}

// The bits that all ports of a range have in common.
static uint16_t port_mask(uint16_t lo, uint16_t hi)
{
	unsigned differ = lo ^ hi;

	return differ ? (uint16_t)(0xffffffffu << (32 - __builtin_clz(differ))) : UINT16_MAX;
}

static bool any_port(uint16_t lo, uint16_t hi)
{
	return lo == 0 && hi == UINT16_MAX;
}

// Addresses, protocol and interface: in every place of a rule.
static struct place place_make(const struct dp_policy_rule *rule)
{
	struct place at = {.iface = rule->iface, .v6 = rule->local.addr.family == 6};
	unsigned size = at.v6 ? 16 : 4, last = policy_words(at.v6) - 1;
	uint8_t *mask = (uint8_t *)at.mask, *key = (uint8_t *)at.key;
	struct rest rest = {.iface = UINT16_MAX, .proto = rule->proto ? UINT8_MAX : 0};

	mask_bits(mask, rule->local.len);
	mask_bits(mask + size, rule->remote.len);
	memcpy(&at.mask[last], &rest, sizeof(rest));
	memcpy(key, rule->local.addr.bytes, size);
	memcpy(key + size, rule->remote.addr.bytes, size);
	rest = (struct rest){.iface = rule->iface, .proto = rule->proto};
	memcpy(&at.key[last], &rest, sizeof(rest));
	for (unsigned i = 0; i < WORDS; i++)
		at.key[i] &= at.mask[i];
	memcpy(at.look, at.mask, sizeof(at.look));
	return at;
}

// Where packets with such ports find the rule (POLICY_PORTS_KNOWN), or those without visible ones.
static void place_ports(struct place *at, const struct dp_policy_rule *rule,
                        enum policy_ports ports)
{
	unsigned last = policy_words(at->v6) - 1;
	struct rest mask, look, key;

	memcpy(&mask, &at->mask[last], sizeof(mask));
	memcpy(&look, &at->look[last], sizeof(look));
	memcpy(&key, &at->key[last], sizeof(key));
	mask.ports = look.ports = UINT8_MAX;
	key.ports = (uint8_t)ports;
	if (ports == POLICY_PORTS_KNOWN) {
		mask.local_port = port_mask(rule->local_port_lo, rule->local_port_hi);
		mask.remote_port = port_mask(rule->remote_port_lo, rule->remote_port_hi);
		key.local_port = rule->local_port_lo & mask.local_port;
		key.remote_port = rule->remote_port_lo & mask.remote_port;
		if (!any_port(rule->local_port_lo, rule->local_port_hi))
			look.local_port = UINT16_MAX;
		if (!any_port(rule->remote_port_lo, rule->remote_port_hi))
			look.remote_port = UINT16_MAX;
	}
	memcpy(&at->mask[last], &mask, sizeof(mask));
	memcpy(&at->look[last], &look, sizeof(look));
	memcpy(&at->key[last], &key, sizeof(key));
}

static bool has_ports(const struct dp_policy_rule *rule)
{
	return !any_port(rule->local_port_lo, rule->local_port_hi) ||
	       !any_port(rule->remote_port_lo, rule->remote_port_hi);
}

static struct entry entry_make(const struct dp_policy_rule *rule, uint64_t from)
{
	return (struct entry){
		.from = from,
		.until = UINT64_MAX,
		.major = rule->sequence << LINE_BITS | rule->line,
		.instance = rule->instance,
		.local_lo = rule->local_port_lo,
		.local_hi = rule->local_port_hi,
		.remote_lo = rule->remote_port_lo,
		.remote_hi = rule->remote_port_hi,
		.tunnel = rule->tunnel,
	};
}

// Does the block of a tuple hold more than the range?
static bool is_ragged(uint16_t lo, uint16_t hi)
{
	uint16_t block = (uint16_t)~port_mask(lo, hi);

	return (lo & block) != 0 || (hi & block) != block;
}

// Links a rule's entries. 0 or -ENOMEM; then those that are linked are in `entries` all the same.
static int rule_link(struct policy *p, const struct dp_policy_rule *rule, uint64_t from,
                     struct entry *entries[2])
{
	struct place at = place_make(rule), hidden = at;
	struct entry e = entry_make(rule, from);

	at.deny = !rule->permit;
	if (has_ports(rule)) {
		place_ports(&at, rule, POLICY_PORTS_KNOWN);
		place_ports(&hidden, rule, POLICY_PORTS_UNKNOWN);
		e.ranges = is_ragged(rule->local_port_lo, rule->local_port_hi) ||
		           is_ragged(rule->remote_port_lo, rule->remote_port_hi);
	}
	entries[0] = entry_link(p, &at, &e);
	if (!entries[0])
		return -ENOMEM;
	if (!has_ports(rule))
		return 0;
	// A deny as well: who knows whether the packet is denied?
	e.ranges = false;
	e.fragment = true;
	entries[1] = entry_link(p, &hidden, &e);
	return entries[1] ? 0 : -ENOMEM;
}

// ---- rules -----------------------------------------------------------------------------------

// Room for more rules than were expected. 0 or -ENOMEM.
static int rules_grow(struct policy *p)
{
	struct rule *rules = reallocarray(p->rules, 2 * (size_t)p->n_rules, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	memset(rules + p->n_rules, 0, p->n_rules * sizeof(*rules));
	p->rules = rules;
	p->n_rules *= 2;
	return 0;
}

// A free slot for control's copy of a rule, or NULL.
static struct rule *rule_take(struct policy *p, uint32_t *slot)
{
	if (!p->free_rule && p->unused_rules == p->n_rules && rules_grow(p))
		return NULL;
	if (p->free_rule) {
		*slot = p->free_rule - 1;
		p->free_rule = p->rules[*slot].next_free;
	} else {
		*slot = p->unused_rules++;
	}
	p->used_rules++;
	p->rules[*slot].generation++;
	return &p->rules[*slot];
}

static void rule_put(struct policy *p, uint32_t slot)
{
	p->used_rules--;
	p->rules[slot].generation++;
	p->rules[slot].next_free = p->free_rule;
	p->free_rule = slot + 1;
}

uint32_t policy_rules(const struct policy *p)
{
	return p->used_rules;
}

static int rule_check(const struct policy *p, const struct dp_policy_rule *rule)
{
	uint8_t family = rule->local.addr.family, bits = family == 4 ? 32 : 128;

	if ((family != 4 && family != 6) || rule->remote.addr.family != family ||
	    rule->iface >= p->n_ifaces || rule->sequence > SEQUENCE_MAX ||
	    rule->line >> LINE_BITS || rule->local.len > bits || rule->remote.len > bits ||
	    rule->local_port_lo > rule->local_port_hi ||
	    rule->remote_port_lo > rule->remote_port_hi)
		return -EINVAL;
	return 0;
}

int policy_add(struct policy *p, const struct dp_policy_rule *rule, struct handle *policy)
{
	struct entry *entries[2] = {NULL, NULL};
	struct rule *own;
	uint64_t from;
	uint32_t slot;
	int err = rule_check(p, rule);

	if (err)
		return err;
	tidy(p);
	from = p->version + SHAPES + 1;
	own = rule_take(p, &slot);
	if (!own)
		return -ENOMEM;
	err = rule_link(p, rule, from, entries);
	if (err) {
		// Nobody has seen it: `from` was never published.
		for (unsigned i = 0; i < 2 && entries[i]; i++) {
			entry_end(entries[i], 0);
			entry_unlink(p, entries[i]);
		}
		rule_put(p, slot);
		return err;
	}
	memcpy(own->entries, entries, sizeof(own->entries));
	publish(p, rule->iface, from);
	*policy = (struct handle){.index = slot, .generation = own->generation};
	return 0;
}

void policy_del(struct policy *p, struct handle policy)
{
	const struct rule *rule;
	uint64_t until = p->version + 1;
	uint16_t iface;

	if (policy.index >= p->n_rules || policy.generation % 2 == 0 ||
	    p->rules[policy.index].generation != policy.generation)
		return;
	rule = &p->rules[policy.index];
	iface = rule->entries[0]->node->tuple->iface;
	for (unsigned i = 0; i < 2 && rule->entries[i]; i++)
		entry_end(rule->entries[i], until);
	publish(p, iface, until);
	for (unsigned i = 0; i < 2 && rule->entries[i]; i++)
		reclaim_defer(&p->dying, &rule->entries[i]->item);
	rule_put(p, policy.index);
	tidy(p);
}

void policy_hold(struct policy *p, uint16_t iface, bool hold)
{
	uint32_t *holds;

	if (iface >= p->n_ifaces)
		return;
	holds = &p->ifaces[iface].holds;
	// Writer: control. Release: see view_take(). The new version is what makes readers look.
	if ((*holds & 1) != hold)
		__atomic_store_n(holds, *holds + 1, __ATOMIC_RELEASE);
	publish(p, iface, p->version + 1);
}

// ---- start and stop --------------------------------------------------------------------------

static int ifaces_init(struct policy *p)
{
	for (uint16_t i = 0; i < p->n_ifaces; i++) {
		for (unsigned v6 = 0; v6 < FAMILIES; v6++) {
			struct shape *shape = shape_alloc(0);

			if (!shape)
				return -ENOMEM;
			shape->version = ++p->version;
			shape_look_iface(shape, v6);
			p->ifaces[i].shapes[v6] = shape;
		}
		p->ifaces[i].version = p->version;
	}
	return 0;
}

struct policy *policy_create(uint16_t max_ifaces, uint32_t max_rules, struct rte_rcu_qsbr *qsbr)
{
	size_t size = sizeof(struct policy) + max_ifaces * sizeof(struct policy_iface);
	struct policy *p = rte_zmalloc("policy", size, RTE_CACHE_LINE_SIZE);
	uint64_t buckets = BUCKETS_MIN;

	errno = ENOMEM;
	if (!p)
		return NULL;
	while (buckets < max_rules)
		buckets *= 2;
	p->n_ifaces = max_ifaces;
	p->bucket_mask = buckets - 1;
	p->buckets = rte_zmalloc("policy", buckets * sizeof(*p->buckets), RTE_CACHE_LINE_SIZE);
	p->n_rules = max_rules ? max_rules : 1;
	p->rules = calloc(p->n_rules, sizeof(*p->rules)); // pages that are not touched cost nothing
	salt_init(&p->salt);
	p->random = p->salt.words[4];
	reclaim_init(&p->dying, qsbr);
	reclaim_init(&p->freed, qsbr);
	if (!p->buckets || !p->rules || ifaces_init(p)) {
		policy_destroy(p);
		return NULL;
	}
	return p;
}

void policy_destroy(struct policy *p)
{
	struct reclaim_item *item;

	if (!p)
		return;
	for (uint32_t i = 0; i < p->unused_rules; i++)
		if (p->rules[i].generation % 2)
			policy_del(p, (struct handle){i, p->rules[i].generation});
	while ((item = reclaim_take(&p->dying, true)))
		entry_unlink(p, (struct entry *)item);
	reclaim_fini(&p->freed);
	for (uint16_t i = 0; i < p->n_ifaces; i++)
		for (unsigned v6 = 0; v6 < FAMILIES; v6++)
			free(p->ifaces[i].shapes[v6]);
	free(p->rules);
	rte_free(p->buckets);
	rte_free(p);
}
