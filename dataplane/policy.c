// Crypto map policy. [C] changes it, [W] looks it up; nobody waits.
//
// An interface has a set of remote prefixes in a prefix table; each leads to a node with the rules
// of exactly this remote prefix. A short node is one sorted list. A long one has a second set, of
// local prefixes, each leading to the list of rules with exactly these two prefixes. Lists never
// change: a change makes a new one, publishes it and frees the old one behind rte_rcu.
//
// `change` is odd while control changes an interface's rules. A reader that sees it odd, or
// different from before, tries again, and in the end drops a miss: a miss during change is no
// "clear".
#include "policy.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

#define INDEX_ABOVE 16u // rules in a list before a node gets its second index
#define TRIES       16u // of a look-up that a change disturbs; then a hit counts, a miss is a drop

// Where a rule stands; compared as {sequence, line, instance}.
struct order {
	uint64_t major; // sequence << 32 | line
	uint32_t instance;
};

struct entry {
	struct order order;
	uint32_t slot; // of the rule; breaks ties
	uint32_t local, local_mask, remote, remote_mask;
	uint16_t local_lo, local_hi, remote_lo, remote_hi;
	uint8_t proto;
	bool permit, ports; // ports: some port range is narrower than all
	struct handle tunnel;
};

struct list {
	struct reclaim_item item;
	uint32_t n;
	struct entry entries[];
};

// The second index of a long node: local prefix -> node.
struct local_index {
	struct reclaim_item item;
	struct prefix_set by_local;
};

// Rules with one remote prefix (and one local prefix, below an index). Writer: control.
struct node {
	struct reclaim_item item;
	struct list *list;         // NULL = empty; dead once there is an index; atomic
	struct local_index *index; // NULL = none yet; complete when it is seen; atomic
	uint32_t rules;            // control's
};

struct iface {
	uint32_t change; // odd = under way
	bool hold;
	struct prefix_set by_remote;
};

// What control needs to find a rule again.
struct rule {
	uint32_t generation; // odd = in use
	uint32_t next_free;  // slot + 1, 0 = none
	uint32_t local, remote;
	uint8_t local_len, remote_len;
	uint16_t iface;
};

_Static_assert(sizeof(struct entry) <= 56 && sizeof(struct node) <= 40 && sizeof(struct rule) <= 20,
               "budget of DESIGN: memory of a peer");

// An address as the prefix table wants it.
struct net {
	uint8_t bytes[4];
};

static struct net net_of(uint32_t addr)
{
	struct net net;

	addr = rte_cpu_to_be_32(addr);
	memcpy(net.bytes, &addr, sizeof(net.bytes));
	return net;
}

struct policy {
	struct prefix_table *table;
	struct reclaim reclaim;
	uint16_t n_ifaces;
	uint32_t n_rules, free_rule; // free_rule: index + 1, 0 = none
	struct rule *rules;          // control's
	struct iface ifaces[];
};

static int order_compare(const struct order *a, const struct order *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	return a->instance < b->instance ? -1 : a->instance > b->instance;
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
	int c = order_compare(&a->order, &b->order);

	return c ? c : a->slot < b->slot ? -1 : a->slot > b->slot;
}

// ---- readers -------------------------------------------------------------------------------

enum match { MATCH_NO, MATCH_YES, MATCH_PORTS_NEEDED };

static enum match entry_match(const struct entry *e, const struct policy_key *k)
{
	if ((k->local & e->local_mask) != e->local || (k->remote & e->remote_mask) != e->remote ||
	    (e->proto && e->proto != k->proto))
		return MATCH_NO;
	if (!e->ports)
		return MATCH_YES;
	if (k->ports == POLICY_PORTS_NONE)
		return MATCH_NO;
	if (k->ports == POLICY_PORTS_UNKNOWN)
		return MATCH_PORTS_NEEDED;
	return k->local_port >= e->local_lo && k->local_port <= e->local_hi &&
	                       k->remote_port >= e->remote_lo && k->remote_port <= e->remote_hi
	               ? MATCH_YES
	               : MATCH_NO;
}

// The lowest rule so far that matches, and how.
struct best {
	const struct entry *entry;
	enum match match;
};

// Takes the first rule of a list that matches and is not below `from`, if it beats the best.
static void list_find(const struct list *list, const struct policy_key *key, uint64_t from,
                      struct best *best)
{
	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct entry *e = &list->entries[i];
		enum match match;

		if (best->entry && entry_compare(e, best->entry) >= 0)
			return;
		if (e->order.major < from)
			continue;
		match = entry_match(e, key);
		if (match != MATCH_NO) {
			*best = (struct best){.entry = e, .match = match};
			return;
		}
	}
}

static void node_find(const struct policy *p, const struct node *node, const struct policy_key *key,
                      uint64_t from, struct best *best)
{
	// Acquire: the index was filled before it was published.
	const struct local_index *index = __atomic_load_n(&node->index, __ATOMIC_ACQUIRE);
	void *children[PREFIX_LENGTHS];
	unsigned n;

	if (!index) {
		// Acquire: the list's contents were written before it was published.
		list_find(__atomic_load_n(&node->list, __ATOMIC_ACQUIRE), key, from, best);
		return;
	}
	n = prefix_table_match(p->table, &index->by_local, net_of(key->local).bytes, children);
	for (unsigned i = 0; i < n; i++) {
		const struct node *child = children[i];

		list_find(__atomic_load_n(&child->list, __ATOMIC_ACQUIRE), key, from, best);
	}
}

// One walk over all sequence numbers; no entry = none decides.
static struct best iface_find(const struct policy *p, const struct iface *iface,
                              const struct policy_key *key)
{
	void *nodes[PREFIX_LENGTHS];
	unsigned n =
		prefix_table_match(p->table, &iface->by_remote, net_of(key->remote).bytes, nodes);
	struct best best = {0};
	uint64_t from = 0;

	while (n) {
		best = (struct best){0};
		for (unsigned i = 0; i < n; i++)
			node_find(p, nodes[i], key, from, &best);
		if (!best.entry || best.entry->permit || best.match == MATCH_PORTS_NEEDED)
			break;
		// Deny: on to the next sequence number; after the last there is nothing.
		if (best.entry->order.major >> 32 == UINT32_MAX)
			return (struct best){0};
		from = ((best.entry->order.major >> 32) + 1) << 32;
	}
	return best;
}

enum policy_verdict policy_find(const struct policy *p, const struct policy_key *key,
                                struct handle *tunnel)
{
	const struct iface *iface;
	struct best best = {0};
	bool stable = false;

	if (key->iface >= p->n_ifaces)
		return POLICY_CHANGING;
	iface = &p->ifaces[key->iface];
	for (unsigned i = 0; i < TRIES && !stable; i++) {
		// Acquire: what follows is not read before the counter.
		uint32_t before = __atomic_load_n(&iface->change, __ATOMIC_ACQUIRE);

		best = iface_find(p, iface, key);
		// The fence keeps the look-up's loads in front of the second look at the counter.
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		stable = before % 2 == 0 &&
		         before == __atomic_load_n(&iface->change, __ATOMIC_RELAXED);
	}
	if (best.entry && best.match == MATCH_PORTS_NEEDED)
		return POLICY_FRAGMENT;
	if (best.entry) {
		*tunnel = best.entry->tunnel;
		return POLICY_PROTECT;
	}
	return stable && !__atomic_load_n(&iface->hold, __ATOMIC_RELAXED) ? POLICY_CLEAR
	                                                                  : POLICY_CHANGING;
}

// ---- control -------------------------------------------------------------------------------

// Writer: control. A reader that sees any part of the change sees the counter odd or different:
// the fence puts the first store in front of the change, the release puts the change in front of
// the second store.
static void change_begin(struct iface *iface)
{
	__atomic_store_n(&iface->change, iface->change + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void change_end(struct iface *iface)
{
	__atomic_store_n(&iface->change, iface->change + 1, __ATOMIC_RELEASE);
}

static struct list *list_alloc(uint32_t n)
{
	struct list *list = malloc(sizeof(*list) + n * sizeof(struct entry));

	if (list)
		list->n = n;
	return list;
}

// Publishes a node's new list. Release pairs with the readers' acquire.
static void list_replace(struct policy *p, struct node *node, struct list *list)
{
	struct list *old = node->list;

	__atomic_store_n(&node->list, list, __ATOMIC_RELEASE);
	if (old)
		reclaim_defer(&p->reclaim, &old->item);
}

static int list_insert(struct policy *p, struct node *node, const struct entry *entry)
{
	const struct list *old = node->list;
	uint32_t n = old ? old->n : 0, at = 0;
	struct list *list = list_alloc(n + 1);

	if (!list)
		return -ENOMEM;
	while (at < n && entry_compare(&old->entries[at], entry) < 0)
		at++;
	if (at)
		memcpy(list->entries, old->entries, at * sizeof(*entry));
	list->entries[at] = *entry;
	if (at < n)
		memcpy(list->entries + at + 1, old->entries + at, (n - at) * sizeof(*entry));
	list_replace(p, node, list);
	return 0;
}

// Takes the rule out. Without memory for a shorter list the entry stays in its place, but as one
// that matches nothing.
static void list_remove(struct policy *p, struct node *node, uint32_t slot)
{
	struct list *old = node->list, *list;
	uint32_t at = 0;

	while (at < old->n && old->entries[at].slot != slot)
		at++;
	if (at == old->n)
		return;
	if (old->n == 1) {
		list_replace(p, node, NULL);
		return;
	}
	list = list_alloc(old->n - 1);
	if (!list) {
		// Addresses have no bit outside their mask, so this compares unequal for good. A
		// single aligned store: readers see the old rule or the new one.
		__atomic_store_n(&old->entries[at].local_mask, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&old->entries[at].local, 1, __ATOMIC_RELAXED);
		old->entries[at].slot = UINT32_MAX;
		return;
	}
	memcpy(list->entries, old->entries, at * sizeof(struct entry));
	memcpy(list->entries + at, old->entries + at + 1, (old->n - 1 - at) * sizeof(struct entry));
	list_replace(p, node, list);
}

// The node of a prefix, made if it is not there yet. NULL and *err.
static struct node *node_need(struct policy *p, struct prefix_set *set, uint32_t addr, uint8_t len,
                              int *err)
{
	struct node *node = prefix_table_get(p->table, set, net_of(addr).bytes, len);

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	*err = -ENOMEM;
	if (!node)
		return NULL;
	*err = prefix_table_add(p->table, set, net_of(addr).bytes, len, node);
	if (*err) {
		free(node);
		return NULL;
	}
	return node;
}

static void node_drop_if_empty(struct policy *p, struct prefix_set *set, struct node *node,
                               uint32_t addr, uint8_t len)
{
	if (node->rules)
		return;
	prefix_table_del(p->table, set, net_of(addr).bytes, len);
	if (node->index)
		reclaim_defer(&p->reclaim, &node->index->item);
	else if (node->list)
		list_replace(p, node, NULL);
	reclaim_defer(&p->reclaim, &node->item);
}

static uint8_t mask_len(uint32_t mask)
{
	return (uint8_t)__builtin_popcount(mask);
}

static int child_insert(struct policy *p, struct local_index *index, const struct entry *entry)
{
	uint8_t len = mask_len(entry->local_mask);
	int err = 0;
	struct node *child = node_need(p, &index->by_local, entry->local, len, &err);

	if (!child)
		return err;
	err = list_insert(p, child, entry);
	if (err == 0)
		child->rules++;
	node_drop_if_empty(p, &index->by_local, child, entry->local, len);
	return err;
}

static void child_remove(struct policy *p, struct local_index *index, uint32_t local, uint8_t len,
                         uint32_t slot)
{
	struct node *child = prefix_table_get(p->table, &index->by_local, net_of(local).bytes, len);

	if (!child)
		return;
	list_remove(p, child, slot);
	child->rules--;
	node_drop_if_empty(p, &index->by_local, child, local, len);
}

// Builds the second index behind the readers' backs, then switches them over. If there is no room
// the long list goes on serving.
static void node_index(struct policy *p, struct node *node)
{
	const struct list *list = node->list;
	struct local_index *index = calloc(1, sizeof(*index));

	if (!index)
		return;
	prefix_table_set_init(p->table, &index->by_local);
	for (uint32_t i = 0; i < list->n; i++) {
		if (child_insert(p, index, &list->entries[i]) == 0)
			continue;
		while (i-- > 0)
			child_remove(p, index, list->entries[i].local,
			             mask_len(list->entries[i].local_mask), list->entries[i].slot);
		free(index);
		return;
	}
	__atomic_store_n(&node->index, index, __ATOMIC_RELEASE);
	// A reader that came before the index may still fetch the list: the pointer stays, and
	// nobody uses it once the memory is free.
	reclaim_defer(&p->reclaim, &node->list->item);
}

static int node_insert(struct policy *p, struct node *node, const struct entry *entry)
{
	int err = node->index ? child_insert(p, node->index, entry) : list_insert(p, node, entry);

	if (err)
		return err;
	node->rules++;
	if (!node->index && node->rules > INDEX_ABOVE)
		node_index(p, node);
	return 0;
}

static struct entry entry_make(const struct dp_policy_rule *rule, uint32_t slot)
{
	struct entry e = {
		.order = {.major = (uint64_t)rule->sequence << 32 | rule->line,
	                  .instance = rule->instance},
		.slot = slot,
		.local_mask = prefix_mask_bits(rule->local.len),
		.remote_mask = prefix_mask_bits(rule->remote.len),
		.local_lo = rule->local_port_lo,
		.local_hi = rule->local_port_hi,
		.remote_lo = rule->remote_port_lo,
		.remote_hi = rule->remote_port_hi,
		.proto = rule->proto,
		.permit = rule->permit,
		.tunnel = rule->tunnel,
	};

	e.local = addr_v4_host(&rule->local.addr) & e.local_mask;
	e.remote = addr_v4_host(&rule->remote.addr) & e.remote_mask;
	e.ports = e.local_lo > 0 || e.local_hi < UINT16_MAX || e.remote_lo > 0 ||
	          e.remote_hi < UINT16_MAX;
	return e;
}

// A free slot for control's copy of a rule, or NULL.
static struct rule *rule_take(struct policy *p, uint32_t *slot)
{
	if (!p->free_rule) {
		uint32_t n = p->n_rules ? p->n_rules * 2 : 64;
		struct rule *rules = realloc(p->rules, n * sizeof(*rules));

		if (!rules)
			return NULL;
		p->rules = rules;
		for (uint32_t i = p->n_rules; i < n; i++)
			rules[i] = (struct rule){.next_free = i + 1 < n ? i + 2 : 0};
		p->free_rule = p->n_rules + 1;
		p->n_rules = n;
	}
	*slot = p->free_rule - 1;
	p->free_rule = p->rules[*slot].next_free;
	p->rules[*slot].generation++;
	return &p->rules[*slot];
}

static void rule_put(struct policy *p, uint32_t slot)
{
	p->rules[slot].generation++;
	p->rules[slot].next_free = p->free_rule;
	p->free_rule = slot + 1;
}

static int rule_check(const struct policy *p, const struct dp_policy_rule *rule)
{
	if (rule->local.addr.family != 4 || rule->remote.addr.family != 4)
		return -EAFNOSUPPORT;
	if (rule->iface >= p->n_ifaces || rule->local.len > 32 || rule->remote.len > 32 ||
	    rule->local_port_lo > rule->local_port_hi ||
	    rule->remote_port_lo > rule->remote_port_hi)
		return -EINVAL;
	return 0;
}

int policy_add(struct policy *p, const struct dp_policy_rule *rule, struct handle *policy)
{
	struct iface *iface;
	struct rule *own;
	struct entry entry;
	struct node *node;
	uint32_t slot;
	int err = rule_check(p, rule);

	if (err)
		return err;
	own = rule_take(p, &slot);
	if (!own)
		return -ENOMEM;
	entry = entry_make(rule, slot);
	own->local = entry.local;
	own->remote = entry.remote;
	own->local_len = rule->local.len;
	own->remote_len = rule->remote.len;
	own->iface = rule->iface;
	iface = &p->ifaces[rule->iface];
	change_begin(iface);
	node = node_need(p, &iface->by_remote, entry.remote, rule->remote.len, &err);
	if (node) {
		err = node_insert(p, node, &entry);
		node_drop_if_empty(p, &iface->by_remote, node, entry.remote, rule->remote.len);
	}
	change_end(iface);
	if (err)
		rule_put(p, slot);
	else
		*policy = (struct handle){.index = slot, .generation = own->generation};
	reclaim_run(&p->reclaim, false);
	return err;
}

void policy_del(struct policy *p, struct handle policy)
{
	const struct rule *rule;
	struct iface *iface;
	struct node *node;

	if (policy.index >= p->n_rules || policy.generation % 2 == 0 ||
	    p->rules[policy.index].generation != policy.generation)
		return;
	rule = &p->rules[policy.index];
	iface = &p->ifaces[rule->iface];
	change_begin(iface);
	node = prefix_table_get(p->table, &iface->by_remote, net_of(rule->remote).bytes,
	                        rule->remote_len);
	if (node) {
		if (node->index)
			child_remove(p, node->index, rule->local, rule->local_len, policy.index);
		else
			list_remove(p, node, policy.index);
		node->rules--;
		node_drop_if_empty(p, &iface->by_remote, node, rule->remote, rule->remote_len);
	}
	change_end(iface);
	rule_put(p, policy.index);
	reclaim_run(&p->reclaim, false);
}

void policy_hold(struct policy *p, uint16_t iface, bool hold)
{
	if (iface < p->n_ifaces) // writer: control; relaxed, it stands for itself
		__atomic_store_n(&p->ifaces[iface].hold, hold, __ATOMIC_RELAXED);
}

struct policy *policy_create(uint16_t max_ifaces, uint32_t max_rules, struct rte_rcu_qsbr *qsbr)
{
	struct policy *p = calloc(1, sizeof(*p) + max_ifaces * sizeof(struct iface));

	if (!p)
		return NULL;
	// A rule takes at most one remote prefix; those of long nodes one local prefix as well.
	// Slack, because deleted keys wait for the readers.
	p->table = prefix_table_create("policy", 4, max_rules + max_rules / 4 + 1024, qsbr);
	if (!p->table) {
		free(p);
		return NULL;
	}
	reclaim_init(&p->reclaim, qsbr);
	p->n_ifaces = max_ifaces;
	for (uint16_t i = 0; i < max_ifaces; i++)
		prefix_table_set_init(p->table, &p->ifaces[i].by_remote);
	return p;
}

void policy_destroy(struct policy *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].generation % 2)
			policy_del(p, (struct handle){i, p->rules[i].generation});
	reclaim_run(&p->reclaim, true);
	prefix_table_destroy(p->table);
	free(p->rules);
	free(p);
}
