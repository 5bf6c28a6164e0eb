// Policy against a naive first-match model, with and without the cache: random rules and packets of
// both families, rules that come and go, holds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "policy_model.h"
#include "test_eal.h"

static struct rte_rcu_qsbr *qsbr;
static struct policy *policy;
static struct flow_cache *cache, *small_cache;
static struct model model;

static int setup(void **state)
{
	(void)state;
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(4) + 63) / 64 * 64);
	if (!qsbr || rte_rcu_qsbr_init(qsbr, 4))
		return -1;
	policy = policy_create(4, 2000, qsbr);
	cache = flow_cache_create(2000, 0);
	small_cache = flow_cache_create(1, 0);
	if (small_cache)
		small_cache->mask = 1; // two lines: everything is thrown out all the time
	model_init(&model);
	return policy && cache && small_cache ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_destroy(policy);
	flow_cache_destroy(cache);
	flow_cache_destroy(small_cache);
	free(qsbr);
	return 0;
}

// ---- against the model ---------------------------------------------------------------------

static void compare(unsigned bursts)
{
	while (bursts-- > 0) {
		unsigned n = 1 + model_rng(&model, POLICY_BURST);
		uint8_t family = model_rng(&model, 2) ? 4 : 6;
		struct model_packet ks[POLICY_BURST];
		struct policy_answer got[POLICY_BURST];
		bool small = model_rng(&model, 4) == 0;

		for (unsigned i = 0; i < n; i++)
			ks[i] = i && model_rng(&model, 4) == 0
			                ? ks[i - 1]
			                : model_random_packet(&model, family);
		model_ask_burst(policy, small ? small_cache : cache, ks, n, got);
		for (unsigned i = 0; i < n; i++) {
			struct policy_answer want = model_find(&model, &ks[i]);

			assert_true(model_answers_equal(got[i], want));
			assert_true(model_answers_equal(model_ask(policy, &ks[i]), want));
		}
	}
}

static void toggle(struct model_rule *m)
{
	if (handle_is_null(m->handle)) {
		m->rule = model_random_rule(&model);
		m->since = model.adds++;
		assert_int_equal(policy_add(policy, &m->rule, &m->handle), 0);
	} else if (model_rng(&model, 3) == 0) {
		struct handle stale = m->handle;

		policy_del(policy, m->handle);
		m->handle = (struct handle){0};
		policy_del(policy, stale);
	}
}

static void against_model(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 1600; round++) {
		unsigned limit = round < 800 ? 60 : MODEL_MAX; // sparse tables, then full ones

		toggle(&model.rules[model_rng(&model, limit)]);
		if (model_rng(&model, 20) == 0) {
			uint16_t iface = (uint16_t)model_rng(&model, 2);

			model.hold[iface] = !model.hold[iface];
			policy_hold(policy, iface, model.hold[iface]);
		}
		compare(1);
	}
	compare(100);
	for (unsigned i = 0; i < MODEL_MAX; i++) {
		policy_del(policy, model.rules[i].handle);
		model.rules[i].handle = (struct handle){0};
		if (i % 20 == 0)
			compare(1);
	}
	compare(2);
}

// A reader that is not quiescent keeps deleted rules in the lists: they must stay invisible, and
// the next ones must not be hidden by them.
static void against_model_unreclaimed(void **state)
{
	(void)state;
	assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	for (unsigned round = 0; round < 1500; round++) {
		toggle(&model.rules[model_rng(&model, 60)]);
		if (round % 2)
			compare(1);
		if (model_rng(&model, 200) == 0)
			rte_rcu_qsbr_quiescent(qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
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

static const struct policy_key ping = {.local = 0x0101010a, .remote = 0x0202020a, .proto = 1};

static void expect(const struct policy_key *key, enum policy_verdict verdict, uint32_t tunnel)
{
	struct policy_answer a[2];

	a[0] = policy_find(policy, key);
	policy_find_burst(policy, cache, key, 1, &a[1]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(a[i].verdict, verdict);
		assert_int_equal(a[i].tunnel.index, tunnel);
	}
}

static void deny_jumps(void **state)
{
	struct dp_policy_rule deny = rule(10, 1, false, 0), permit = rule(10, 2, true, 1),
			      next = rule(20, 1, true, 2);
	struct handle h[3];

	(void)state;
	assert_int_equal(policy_add(policy, &deny, &h[0]), 0);
	assert_int_equal(policy_add(policy, &permit, &h[1]), 0);
	expect(&ping, POLICY_CLEAR, 0);
	assert_int_equal(policy_add(policy, &next, &h[2]), 0);
	expect(&ping, POLICY_PROTECT, 2);
	policy_del(policy, h[0]);
	expect(&ping, POLICY_PROTECT, 1);
}

static void held(void **state)
{
	struct dp_policy_rule r = rule(10, 1, true, 1);
	struct handle h;

	(void)state;
	policy_hold(policy, 0, true);
	expect(&ping, POLICY_CHANGING, 0);
	assert_int_equal(policy_add(policy, &r, &h), 0);
	expect(&ping, POLICY_PROTECT, 1);
	policy_del(policy, h);
	expect(&ping, POLICY_CHANGING, 0);
	policy_hold(policy, 0, false);
	expect(&ping, POLICY_CLEAR, 0);
}

// A rule with longer prefixes comes and goes: keys of the cache that were made with short masks and
// with long ones must not be taken for each other.
static void masks_grow_and_shrink(void **state)
{
	struct dp_policy_rule wide = rule(20, 1, true, 1), host = rule(10, 1, true, 2);
	struct policy_key zero = ping, one = ping;
	struct ip_addr a = {.family = 4, .bytes = {10, 2, 2, 0}};
	struct handle h;

	(void)state;
	zero.remote = 0x0002020a; // 10.2.2.0: the masked form of the others
	one.remote = 0x0102020a;
	wide.remote = prefix_make(&a, 24);
	host.remote = prefix_make(&a, 32);
	assert_int_equal(policy_add(policy, &wide, &h), 0);
	for (unsigned i = 0; i < 50; i++) {
		expect(&zero, POLICY_PROTECT, 1);
		expect(&one, POLICY_PROTECT, 1);
		assert_int_equal(policy_add(policy, &host, &h), 0);
		expect(&zero, POLICY_PROTECT, 2);
		expect(&one, POLICY_PROTECT, 1);
		policy_del(policy, h);
	}
}

#define SHAPES_LOCAL  32u
#define SHAPES_REMOTE 24u

// More shapes than are looked at when one goes; rules come in an order of chance.
static void many_shapes(void **state)
{
	struct ip_addr local = {.family = 4, .bytes = {10, 1, 1, 1}};
	struct ip_addr remote = {.family = 4, .bytes = {10, 2, 2, 2}};
	static struct handle h[SHAPES_LOCAL * SHAPES_REMOTE];
	const unsigned n = SHAPES_LOCAL * SHAPES_REMOTE;
	struct policy_key near = ping;
	uint64_t all = 0;

	(void)state;
	near.local = 0x0201010a; // in all local prefixes but the longest
	for (unsigned i = 0; i < n; i++) {
		unsigned k = i * 5 % n;
		struct dp_policy_rule r = rule(10 + k, 1, true, k + 1);

		r.local = prefix_make(&local, (uint8_t)(SHAPES_LOCAL - k / SHAPES_REMOTE));
		r.remote = prefix_make(&remote, (uint8_t)(SHAPES_REMOTE - k % SHAPES_REMOTE));
		assert_int_equal(policy_add(policy, &r, &h[k]), 0);
		all += k;
	}
	assert_int_equal(all, n * (n - 1) / 2);
	for (unsigned i = 0; i < n; i++) {
		expect(&ping, POLICY_PROTECT, i + 1);
		expect(&near, POLICY_PROTECT,
		       i < 2 * SHAPES_REMOTE ? 2 * SHAPES_REMOTE + 1 : i + 1);
		policy_del(policy, h[i]);
	}
	expect(&ping, POLICY_CLEAR, 0);
	expect(&near, POLICY_CLEAR, 0);
}

static void refused(void **state)
{
	struct dp_policy_rule r = rule(1, 1, true, 1);
	struct policy_key far = ping;
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
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	r = rule(1, 1, true, 1);
	r.local.len = 33;
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	r = rule(1, 1u << 31, true, 1);
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	r = rule(1, 1, true, 1);
	r.sequence = 1ull << 33;
	assert_int_equal(policy_add(policy, &r, &h), -EINVAL);
	far.iface = 4;
	expect(&far, POLICY_CHANGING, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_model, setup, teardown),
		cmocka_unit_test_setup_teardown(against_model_unreclaimed, setup, teardown),
		cmocka_unit_test_setup_teardown(deny_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(held, setup, teardown),
		cmocka_unit_test_setup_teardown(masks_grow_and_shrink, setup, teardown),
		cmocka_unit_test_setup_teardown(many_shapes, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("policy", tests, eal_start, eal_stop);
}
