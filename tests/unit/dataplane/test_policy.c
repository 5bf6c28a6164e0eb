// Policy against a naive first-match model: random rules and packets, rules that come and go, and
// readers that look while rules are replaced.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "policy.h"
#include "test_eal.h"

#define RULES_MAX 400u

struct model_rule {
	struct dp_policy_rule rule;
	struct handle handle; // null = free
};

static struct rte_rcu_qsbr *qsbr;
static struct policy *policy;
static struct model_rule model[RULES_MAX];

static int setup(void **state)
{
	(void)state;
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(4) + 63) / 64 * 64);
	if (!qsbr || rte_rcu_qsbr_init(qsbr, 4))
		return -1;
	policy = policy_create(4, 2000, qsbr);
	memset(model, 0, sizeof(model));
	return policy ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_destroy(policy);
	free(qsbr);
	return 0;
}

// ---- the naive model -----------------------------------------------------------------------

static bool in_prefix(const struct ip_prefix *p, uint32_t addr)
{
	struct ip_addr a = addr_v4(addr);

	return prefix_contains(p, &a);
}

static bool any_ports(const struct dp_policy_rule *r)
{
	return r->local_port_lo == 0 && r->local_port_hi == 65535 && r->remote_port_lo == 0 &&
	       r->remote_port_hi == 65535;
}

// 0 = no, 1 = yes, 2 = depends on ports that are not there.
static int model_match(const struct dp_policy_rule *r, const struct policy_key *k)
{
	if (r->iface != k->iface || !in_prefix(&r->local, k->local) ||
	    !in_prefix(&r->remote, k->remote) || (r->proto && r->proto != k->proto))
		return 0;
	if (any_ports(r))
		return 1;
	if (k->ports == POLICY_PORTS_NONE)
		return 0;
	if (k->ports == POLICY_PORTS_UNKNOWN)
		return 2;
	return k->local_port >= r->local_port_lo && k->local_port <= r->local_port_hi &&
	       k->remote_port >= r->remote_port_lo && k->remote_port <= r->remote_port_hi;
}

static bool before(const struct model_rule *a, const struct model_rule *b)
{
	if (a->rule.sequence != b->rule.sequence)
		return a->rule.sequence < b->rule.sequence;
	if (a->rule.line != b->rule.line)
		return a->rule.line < b->rule.line;
	if (a->rule.instance != b->rule.instance)
		return a->rule.instance < b->rule.instance;
	return a->handle.index < b->handle.index;
}

static int by_order(const void *a, const void *b)
{
	const struct model_rule *const *x = a, *const *y = b;

	return before(*x, *y) ? -1 : before(*y, *x);
}

// Walks the sequence numbers one by one, and in each the lines one by one.
static enum policy_verdict model_find(const struct policy_key *k, struct handle *tunnel)
{
	const struct model_rule *sorted[RULES_MAX];
	unsigned n = 0;
	uint64_t denied = UINT64_MAX; // sequence number that a deny has closed

	for (unsigned i = 0; i < RULES_MAX; i++)
		if (!handle_is_null(model[i].handle))
			sorted[n++] = &model[i];
	qsort(sorted, n, sizeof(sorted[0]), by_order);
	for (unsigned i = 0; i < n; i++) {
		const struct dp_policy_rule *r = &sorted[i]->rule;
		int m = r->sequence == denied ? 0 : model_match(r, k);

		if (m == 2)
			return POLICY_FRAGMENT;
		if (m == 1 && !r->permit)
			denied = r->sequence;
		if (m == 1 && r->permit) {
			*tunnel = r->tunnel;
			return POLICY_PROTECT;
		}
	}
	return POLICY_CLEAR;
}

// ---- random rules and packets --------------------------------------------------------------

// Few addresses, so that rules and packets meet.
static uint32_t random_addr(void)
{
	return 0x0a000000 | rng(3) << 16 | rng(3) << 8 | rng(4);
}

static struct ip_prefix random_prefix(void)
{
	static const uint8_t lens[] = {0, 8, 15, 16, 24, 24, 24, 31, 32, 32};
	struct ip_addr a = addr_v4(random_addr());

	return prefix_make(&a, lens[rng(sizeof(lens))]);
}

static void random_range(uint16_t *lo, uint16_t *hi)
{
	uint32_t kind = rng(4);

	*lo = 0;
	*hi = 65535;
	if (kind == 0) {
		*lo = (uint16_t)rng(6);
		*hi = (uint16_t)(*lo + rng(4));
	} else if (kind == 1) {
		*lo = *hi = (uint16_t)rng(6);
	}
}

static struct dp_policy_rule random_rule(void)
{
	struct dp_policy_rule r = {
		.iface = (uint16_t)rng(2),
		.sequence = rng(6) == 0 ? UINT32_MAX : rng(8),
		.line = rng(10),
		.instance = rng(3) ? UINT32_MAX : rng(3),
		.permit = rng(3),
		.local = random_prefix(),
		.remote = random_prefix(),
		.proto = rng(2) ? 0 : (uint8_t[]){1, 6, 17}[rng(3)],
		.local_port_hi = 65535,
		.remote_port_hi = 65535,
		.tunnel = {rng(1000), 1 + rng(1000)},
	};

	if (rng(3) == 0) {
		random_range(&r.local_port_lo, &r.local_port_hi);
		random_range(&r.remote_port_lo, &r.remote_port_hi);
	}
	if (rng(4) == 0) // long nodes: many rules with one remote prefix
		r.remote = prefix_make(&(struct ip_addr){.family = 4, .bytes = {10, 1, 0, 0}}, 16);
	return r;
}

static struct policy_key random_key(void)
{
	static const uint8_t protos[] = {1, 6, 17, 50};
	struct policy_key k = {
		.local = random_addr(),
		.remote = random_addr(),
		.local_port = (uint16_t)rng(10),
		.remote_port = (uint16_t)rng(10),
		.proto = protos[rng(4)],
		.iface = (uint16_t)rng(3),
	};

	k.ports = !policy_proto_has_ports(k.proto) ? POLICY_PORTS_NONE
	          : rng(5)                         ? POLICY_PORTS_KNOWN
	                                           : POLICY_PORTS_UNKNOWN;
	return k;
}

static void compare(unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		struct policy_key k = random_key();
		struct handle want = {0}, got = {0};
		enum policy_verdict verdict = model_find(&k, &want);

		assert_int_equal(policy_find(policy, &k, &got), verdict);
		if (verdict == POLICY_PROTECT)
			assert_true(handle_equal(want, got));
	}
}

static void against_model(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 1200; round++) {
		unsigned limit = round < 600 ? 60 : RULES_MAX; // sparse tables, then full ones
		struct model_rule *m = &model[rng(limit)];

		if (handle_is_null(m->handle)) {
			m->rule = random_rule();
			assert_int_equal(policy_add(policy, &m->rule, &m->handle), 0);
		} else if (rng(3) == 0) {
			struct handle stale = m->handle;

			policy_del(policy, m->handle);
			m->handle = (struct handle){0};
			policy_del(policy, stale);
		}
		compare(12);
	}
	compare(3000);
	for (unsigned i = 0; i < RULES_MAX; i++) {
		policy_del(policy, model[i].handle);
		model[i].handle = (struct handle){0};
		if (i % 20 == 0)
			compare(20);
	}
}

// ---- single rules that bite ----------------------------------------------------------------

static struct dp_policy_rule rule(uint32_t sequence, uint32_t line, bool permit, uint32_t tunnel)
{
	return (struct dp_policy_rule){
		.sequence = sequence,
		.line = line,
		.instance = UINT32_MAX,
		.permit = permit,
		.local = {.addr = {.family = 4}},
		.remote = {.addr = {.family = 4}},
		.local_port_hi = 65535,
		.remote_port_hi = 65535,
		.tunnel = {tunnel, 1},
	};
}

static void deny_jumps(void **state)
{
	struct dp_policy_rule deny = rule(10, 1, false, 0), permit = rule(10, 2, true, 1),
			      next = rule(20, 1, true, 2);
	struct policy_key k = {.local = 0x0a010101, .remote = 0x0a020202, .proto = 1};
	struct handle h[3], tunnel;

	(void)state;
	assert_int_equal(policy_add(policy, &deny, &h[0]), 0);
	assert_int_equal(policy_add(policy, &permit, &h[1]), 0);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_CLEAR);
	assert_int_equal(policy_add(policy, &next, &h[2]), 0);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_PROTECT);
	assert_int_equal(tunnel.index, 2);
	policy_del(policy, h[0]);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_PROTECT);
	assert_int_equal(tunnel.index, 1);
}

static void held(void **state)
{
	struct dp_policy_rule r = rule(10, 1, true, 1);
	struct policy_key k = {.local = 0x0a010101, .remote = 0x0a020202, .proto = 1};
	struct handle h, tunnel;

	(void)state;
	policy_hold(policy, 0, true);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_CHANGING);
	assert_int_equal(policy_add(policy, &r, &h), 0);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_PROTECT);
	policy_del(policy, h);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_CHANGING);
	policy_hold(policy, 0, false);
	assert_int_equal(policy_find(policy, &k, &tunnel), POLICY_CLEAR);
}

static void refused(void **state)
{
	struct dp_policy_rule r = rule(1, 1, true, 1);
	struct handle h;

	(void)state;
	r.iface = 4;
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	r.iface = 0;
	r.local_port_lo = 2;
	r.local_port_hi = 1;
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	r = rule(1, 1, true, 1);
	r.remote.addr.family = 6;
	assert_int_equal(policy_add(policy, &r, &h), -EAFNOSUPPORT);
}

// ---- readers beside a change ---------------------------------------------------------------

static int stop;
static uint64_t looked, wrong, dropped;

// 10.2.2.2 is covered by one rule or another at every moment: never clear, never another tunnel.
static void *reader(void *arg)
{
	struct policy_key k = {.local = 0x0a010101, .remote = 0x0a020202, .proto = 1};
	unsigned id = (unsigned)(uintptr_t)arg;
	uint64_t n = 0, bad = 0, drops = 0;

	rte_rcu_qsbr_thread_online(qsbr, id);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct handle tunnel = {0};
		enum policy_verdict v = policy_find(policy, &k, &tunnel);

		n++;
		if (v == POLICY_CHANGING)
			drops++;
		else if (v != POLICY_PROTECT || tunnel.index != 1)
			bad++;
		rte_rcu_qsbr_quiescent(qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(qsbr, id);
	__atomic_fetch_add(&looked, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
	__atomic_fetch_add(&dropped, drops, __ATOMIC_RELAXED);
	return NULL;
}

// Deleted keys wait for readers, which may not run at all for a while on a small machine.
static void add_patiently(const struct dp_policy_rule *r, struct handle *h)
{
	int err = -ENOSPC;

	for (unsigned i = 0; i < 5000 && (err = policy_add(policy, r, h)) == -ENOSPC; i++)
		usleep(1000);
	assert_int_equal(err, 0);
}

// Replaces the covering rule, with prefixes of other lengths, while a long node comes and goes.
static void replace_rules(unsigned rounds)
{
	struct handle current = {0}, others[40] = {{0}};

	for (unsigned i = 0; i < rounds; i++) {
		struct dp_policy_rule r = rule(10, 1 + i % 7, true, 1), o = rule(20, i, true, 9);
		struct ip_addr a = addr_v4(0x0a020202);
		struct handle next;
		unsigned k = i % 40;

		r.remote = prefix_make(&a, (uint8_t)(8 + i % 25));
		add_patiently(&r, &next);
		policy_del(policy, current);
		current = next;
		if (!handle_is_null(others[k])) {
			policy_del(policy, others[k]);
			others[k] = (struct handle){0};
			continue;
		}
		o.remote = prefix_make(&(struct ip_addr){.family = 4, .bytes = {10, 9}}, 16);
		o.local =
			prefix_make(&(struct ip_addr){.family = 4, .bytes = {10, (uint8_t)i}}, 16);
		add_patiently(&o, &others[k]);
	}
}

static void never_clear_during_change(void **state)
{
	struct dp_policy_rule first = rule(10, 1, true, 1);
	pthread_t threads[2];
	struct handle h;

	(void)state;
	stop = 0;
	assert_int_equal(policy_add(policy, &first, &h), 0);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, (unsigned)i), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
	}
	{
		struct dp_policy_rule r = rule(10, 2, true, 1);
		struct ip_addr a = addr_v4(0x0a020202);
		struct handle h2;

		r.remote = prefix_make(&a, 32);
		assert_int_equal(policy_add(policy, &r, &h2), 0);
		policy_del(policy, h);
		replace_rules(1);
		policy_del(policy, h2);
	}
	replace_rules(20000);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		rte_rcu_qsbr_thread_unregister(qsbr, i);
	}
	print_message("# %lu look-ups, %lu dropped\n", looked, dropped);
	assert_true(looked > 1000);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_model, setup, teardown),
		cmocka_unit_test_setup_teardown(deny_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(held, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(never_clear_during_change, setup, teardown),
	};

	return cmocka_run_group_tests_name("policy", tests, eal_start, eal_stop);
}
