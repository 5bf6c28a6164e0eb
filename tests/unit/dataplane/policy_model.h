// What policy must say, worked out naively: every rule looked at in order. And random rules and
// packets of both families, few addresses and ports, so that they meet.
#ifndef VIGIL_TESTS_DATAPLANE_POLICY_MODEL_H
#define VIGIL_TESTS_DATAPLANE_POLICY_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "flow_cache.h"
#include "policy.h"

#define MODEL_MAX 400u

struct model_rule {
	struct dp_policy_rule rule;
	struct handle handle; // null = free
	uint64_t since;       // which add it was: decides between equal orders
};

struct model {
	struct model_rule rules[MODEL_MAX];
	bool hold[4];
	uint64_t adds, random;
};

struct model_packet {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t proto, ports;
	uint16_t iface;
};

// A new seed each run, or the one in POLICY_SEED: it is printed, so that a failure comes back.
static inline void model_init(struct model *m)
{
	const char *given = getenv("POLICY_SEED");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	memset(m, 0, sizeof(*m));
	m->random = given ? strtoull(given, NULL, 0)
	                  : (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec;
	m->random |= 1;
	printf("# POLICY_SEED=%#lx\n", m->random);
}

static inline uint32_t model_rng(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)((m->random >> 11) % below);
}

// ---- the verdict ---------------------------------------------------------------------------

static inline bool model_any_ports(const struct dp_policy_rule *r)
{
	return r->local_port_lo == 0 && r->local_port_hi == 65535 && r->remote_port_lo == 0 &&
	       r->remote_port_hi == 65535;
}

// 0 = no, 1 = yes, 2 = depends on ports that are not there.
static inline int model_match(const struct dp_policy_rule *r, const struct model_packet *k)
{
	if (r->iface != k->iface || !prefix_contains(&r->local, &k->local) ||
	    !prefix_contains(&r->remote, &k->remote) || (r->proto && r->proto != k->proto))
		return 0;
	if (model_any_ports(r))
		return 1;
	if (k->ports == POLICY_PORTS_NONE)
		return 0;
	if (k->ports == POLICY_PORTS_UNKNOWN)
		return 2;
	return k->local_port >= r->local_port_lo && k->local_port <= r->local_port_hi &&
	       k->remote_port >= r->remote_port_lo && k->remote_port <= r->remote_port_hi;
}

static inline bool model_before(const struct model_rule *a, const struct model_rule *b)
{
	if (a->rule.sequence != b->rule.sequence)
		return a->rule.sequence < b->rule.sequence;
	if (a->rule.line != b->rule.line)
		return a->rule.line < b->rule.line;
	if (a->rule.instance != b->rule.instance)
		return a->rule.instance < b->rule.instance;
	return a->since < b->since;
}

static inline int model_by_order(const void *a, const void *b)
{
	const struct model_rule *const *x = a, *const *y = b;

	return model_before(*x, *y) ? -1 : model_before(*y, *x);
}

// Walks the sequence numbers one by one, and in each the lines one by one.
static inline struct policy_answer model_find(const struct model *m, const struct model_packet *k)
{
	const struct model_rule *sorted[MODEL_MAX];
	unsigned n = 0;
	uint64_t denied = UINT64_MAX; // sequence number that a deny has closed

	for (unsigned i = 0; i < MODEL_MAX; i++)
		if (!handle_is_null(m->rules[i].handle))
			sorted[n++] = &m->rules[i];
	qsort(sorted, n, sizeof(sorted[0]), model_by_order);
	for (unsigned i = 0; i < n; i++) {
		const struct dp_policy_rule *r = &sorted[i]->rule;
		int match = r->sequence == denied ? 0 : model_match(r, k);

		if (match == 2)
			return (struct policy_answer){.verdict = POLICY_FRAGMENT};
		if (match == 1 && !r->permit)
			denied = r->sequence;
		if (match == 1 && r->permit)
			return (struct policy_answer){r->tunnel, POLICY_PROTECT};
	}
	return (struct policy_answer){.verdict =
	                                      m->hold[k->iface] ? POLICY_CHANGING : POLICY_CLEAR};
}

// ---- random rules and packets --------------------------------------------------------------

static inline struct ip_addr model_addr(struct model *m, uint8_t family)
{
	struct ip_addr a = {.family = family, .bytes = {10}};
	unsigned size = family == 4 ? 4 : 16;

	a.bytes[1] = (uint8_t)model_rng(m, 3);
	a.bytes[size - 2] = (uint8_t)model_rng(m, 3);
	a.bytes[size - 1] = (uint8_t)model_rng(m, 4);
	if (family == 6)
		a.bytes[7] = (uint8_t)model_rng(m, 3);
	return a;
}

static inline struct ip_prefix model_prefix(struct model *m, uint8_t family)
{
	static const uint8_t v4[] = {0, 8, 15, 16, 24, 24, 24, 31, 32, 32};
	static const uint8_t v6[] = {0, 8, 16, 63, 64, 64, 112, 120, 127, 128};
	struct ip_addr a = model_addr(m, family);

	if (model_rng(m, 8) == 0)
		return prefix_make(&a, (uint8_t)model_rng(m, family == 4 ? 33 : 129));
	return prefix_make(&a, (family == 4 ? v4 : v6)[model_rng(m, 10)]);
}

static inline void model_range(struct model *m, uint16_t *lo, uint16_t *hi)
{
	uint32_t kind = model_rng(m, 5);

	*lo = 0;
	*hi = 65535;
	if (kind == 0) {
		*lo = (uint16_t)model_rng(m, 6);
		*hi = (uint16_t)(*lo + model_rng(m, 4));
	} else if (kind == 1) {
		*lo = *hi = (uint16_t)model_rng(m, 6);
	} else if (kind == 2) {
		*lo = (uint16_t)model_rng(m, 8);
	}
}

static inline struct dp_policy_rule model_random_rule(struct model *m)
{
	uint8_t family = model_rng(m, 2) ? 4 : 6;
	struct dp_policy_rule r = {
		.iface = (uint16_t)model_rng(m, 2),
		.sequence = model_rng(m, 6) == 0 ? (1ull << 33) - 1 : model_rng(m, 8),
		.line = model_rng(m, 10),
		.instance = model_rng(m, 3) ? UINT32_MAX : model_rng(m, 3),
		.permit = model_rng(m, 3),
		.local = model_prefix(m, family),
		.remote = model_prefix(m, family),
		.proto = model_rng(m, 2) ? 0 : (uint8_t[]){1, 6, 17}[model_rng(m, 3)],
		.local_port_hi = 65535,
		.remote_port_hi = 65535,
		.tunnel = {model_rng(m, 1000), 1 + model_rng(m, 1000)},
	};

	if (model_rng(m, 3) == 0) {
		model_range(m, &r.local_port_lo, &r.local_port_hi);
		model_range(m, &r.remote_port_lo, &r.remote_port_hi);
	}
	if (model_rng(m, 4) == 0) { // long lists: many rules with the same prefixes
		struct ip_addr a = {.family = family, .bytes = {10, 1}};

		r.remote = prefix_make(&a, 16);
		r.local = prefix_make(&a, 0);
	}
	return r;
}

static inline struct model_packet model_random_packet(struct model *m, uint8_t family)
{
	static const uint8_t protos[] = {1, 6, 17, 50};
	struct model_packet k = {
		.local = model_addr(m, family),
		.remote = model_addr(m, family),
		.proto = protos[model_rng(m, 4)],
		.iface = (uint16_t)model_rng(m, 3),
	};

	k.ports = !policy_proto_has_ports(k.proto) ? POLICY_PORTS_NONE
	          : model_rng(m, 5)                ? POLICY_PORTS_KNOWN
	                                           : POLICY_PORTS_UNKNOWN;
	if (k.ports == POLICY_PORTS_KNOWN) {
		k.local_port = (uint16_t)model_rng(m, 10);
		k.remote_port = (uint16_t)model_rng(m, 10);
	}
	return k;
}

// ---- the same packet as a key --------------------------------------------------------------

static inline struct policy_key model_key(const struct model_packet *k)
{
	struct policy_key key = {
		.local_port = k->local_port,
		.remote_port = k->remote_port,
		.proto = k->proto,
		.ports = k->ports,
		.iface = k->iface,
	};

	memcpy(&key.local, k->local.bytes, 4);
	memcpy(&key.remote, k->remote.bytes, 4);
	return key;
}

static inline struct policy_key6 model_key6(const struct model_packet *k)
{
	struct policy_key6 key = {
		.local_port = k->local_port,
		.remote_port = k->remote_port,
		.proto = k->proto,
		.ports = k->ports,
		.iface = k->iface,
	};

	memcpy(key.local, k->local.bytes, 16);
	memcpy(key.remote, k->remote.bytes, 16);
	return key;
}

// Without a cache, or (n packets of one family) through one.
static inline struct policy_answer model_ask(const struct policy *p, const struct model_packet *k)
{
	struct policy_key key = model_key(k);
	struct policy_key6 key6 = model_key6(k);

	return k->local.family == 4 ? policy_find(p, &key) : policy_find6(p, &key6);
}

static inline void model_ask_burst(const struct policy *p, struct flow_cache *cache,
                                   const struct model_packet *ks, unsigned n,
                                   struct policy_answer *answers)
{
	struct policy_key keys[POLICY_BURST];
	struct policy_key6 keys6[POLICY_BURST];

	for (unsigned i = 0; i < n; i++) {
		keys[i] = model_key(&ks[i]);
		keys6[i] = model_key6(&ks[i]);
	}
	if (ks[0].local.family == 4)
		policy_find_burst(p, cache, keys, n, answers);
	else
		policy_find6_burst(p, cache, keys6, n, answers);
}

static inline bool model_answers_equal(struct policy_answer a, struct policy_answer b)
{
	return a.verdict == b.verdict && handle_equal(a.tunnel, b.tunnel);
}

#endif
