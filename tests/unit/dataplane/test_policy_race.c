// Policy under change, with readers that look all the time, through a cache and without: what some
// rule always covers never leaves in clear, nor by another flow; a change is there for whoever
// looks after it. The writer adds the new rule before it deletes the old one, as the control plane
// does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "policy_model.h"
#include "test_eal.h"

#define READERS 2u
#define ROUNDS  60000u

static struct rte_rcu_qsbr *qsbr;
static struct policy *policy;
static struct flow_cache *caches[READERS];

static int setup(void **state)
{
	(void)state;
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(READERS) + 63) / 64 * 64);
	if (!qsbr || rte_rcu_qsbr_init(qsbr, READERS))
		return -1;
	policy = policy_create(4, 2000, qsbr);
	for (unsigned i = 0; i < READERS; i++)
		caches[i] = flow_cache_create(100, 0);
	return policy ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_destroy(policy);
	for (unsigned i = 0; i < READERS; i++)
		flow_cache_destroy(caches[i]);
	free(qsbr);
	return 0;
}

// ---- what stands, and what moves -------------------------------------------------------------

enum { COVERED, DENIED, CATCH_ALL }; // what decides about a packet

static uint64_t generation; // of the covering rule: the newest that is there; the writer's
static int stop;

struct tally {
	uint64_t looked, wrong, stale;
};

static struct dp_policy_rule rule_make(uint8_t family, uint32_t sequence, uint32_t line)
{
	return (struct dp_policy_rule){
		.sequence = sequence,
		.line = line,
		.instance = UINT32_MAX,
		.permit = true,
		.local = {.addr = {.family = family}},
		.remote = {.addr = {.family = family}},
		.local_port_hi = 65535,
		.remote_port_hi = 65535,
	};
}

static void add(struct dp_policy_rule rule, uint32_t tunnel, uint32_t gen, struct handle *h)
{
	rule.tunnel = (struct handle){tunnel, gen};
	assert_int_equal(policy_add(policy, &rule, h), 0);
}

static struct ip_addr addr_make(uint8_t family, uint8_t net, uint8_t host)
{
	struct ip_addr a = {.family = family, .bytes = {10, net}};

	a.bytes[family == 4 ? 3 : 15] = host;
	return a;
}

// To 10.2/16: a covering rule. To 10.3/16: a deny that jumps over a permit in its own sequence
// number. The rest: the last rule.
static struct model_packet packet_make(uint8_t family, uint8_t net, uint8_t host)
{
	return (struct model_packet){
		.local = addr_make(family, 1, 1),
		.remote = addr_make(family, net, host),
		.proto = 6,
		.ports = host % 3 == 0 ? POLICY_PORTS_UNKNOWN : POLICY_PORTS_KNOWN,
		.local_port = host % 3 == 0 ? 0 : 1000,
		.remote_port = host % 3 == 0 ? 0 : 80,
	};
}

static void judge(struct tally *t, const struct policy_answer *a, unsigned what, uint64_t before,
                  uint64_t after)
{
	t->looked++;
	// The writer counts up after the new rule is there and before the old one goes.
	if (a->verdict != POLICY_PROTECT || a->tunnel.index != what)
		t->wrong++;
	else if (what == COVERED &&
	         (a->tunnel.generation < before || a->tunnel.generation > after + 1))
		t->stale++;
}

static void look(unsigned id, uint8_t family, struct tally *t)
{
	static const uint8_t nets[] = {2, 3, 4};
	struct model_packet ks[POLICY_BURST];
	struct policy_answer got[POLICY_BURST], plain;
	unsigned what[POLICY_BURST];
	uint64_t before, after;

	for (unsigned i = 0; i < 32; i++) {
		what[i] = (unsigned)(t->looked + i * 7) % 3;
		ks[i] = packet_make(family, nets[what[i]], (uint8_t)((t->looked >> 3) + i % 5));
	}
	// Acquire: the generation's rule is there for a look-up that comes after.
	before = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
	model_ask_burst(policy, caches[id], ks, 32, got);
	plain = model_ask(policy, &ks[0]);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	after = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < 32; i++)
		judge(t, &got[i], what[i], before, after);
	judge(t, &plain, what[0], before, after);
}

static void *reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	struct tally *t = calloc(1, sizeof(*t));

	rte_rcu_qsbr_thread_online(qsbr, id);
	while (t && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		look(id, 4, t);
		look(id, 6, t);
		rte_rcu_qsbr_quiescent(qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(qsbr, id);
	return t;
}

static void readers_start(pthread_t threads[READERS], void *(*run)(void *arg))
{
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (uintptr_t i = 0; i < READERS; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, (unsigned)i), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	}
}

static void readers_end(const pthread_t threads[READERS], struct tally *sum)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < READERS; i++) {
		struct tally *t;

		pthread_join(threads[i], (void **)&t);
		assert_non_null(t);
		sum->looked += t->looked;
		sum->wrong += t->wrong;
		sum->stale += t->stale;
		free(t);
		rte_rcu_qsbr_thread_unregister(qsbr, i);
	}
}

// ---- the writer ------------------------------------------------------------------------------

// With other lengths and masks each time, so that tuples come and go as well; each comes before the
// one that it replaces.
static struct dp_policy_rule covering(uint8_t family, uint32_t round)
{
	struct dp_policy_rule r = rule_make(family, 10, INT32_MAX - round);
	struct ip_addr a = addr_make(family, 2, 0);

	r.remote = prefix_make(&a, (uint8_t)(16 + round % 4));
	a = addr_make(family, 1, 1);
	r.local = prefix_make(&a, (uint8_t)(round % 3 ? 8 + round % 25 : 0));
	r.proto = round % 5 ? 0 : 6;
	return r;
}

static struct dp_policy_rule denying(uint8_t family, uint32_t round)
{
	struct dp_policy_rule r = rule_make(family, 20, round % 7);
	struct ip_addr a = addr_make(family, 3, 0);

	r.permit = false;
	r.remote = prefix_make(&a, 16);
	a = addr_make(family, 1, 1);
	r.local = prefix_make(&a, (uint8_t)(round % 25));
	return r;
}

// Rules beside, with hosts, ports and ranges, that match none of the packets.
static void bystander(uint8_t family, uint32_t round, struct handle *h)
{
	struct dp_policy_rule r = rule_make(family, 5, round);
	struct ip_addr a = addr_make(family, 9, (uint8_t)round);

	if (!handle_is_null(*h)) {
		policy_del(policy, *h);
		*h = (struct handle){0};
		return;
	}
	r.remote = prefix_make(&a, (uint8_t)(16 + round % (family == 4 ? 17 : 113)));
	r.remote_port_lo = round % 4 ? 0 : 80;
	r.remote_port_hi = round % 4 == 1 ? 1023 : 65535;
	add(r, 7, 7, h);
}

// What stays: a permit behind the deny, which it jumps over, and the last rule of all.
static void stand(uint8_t family)
{
	struct dp_policy_rule jumped = rule_make(family, 20, 100), last = rule_make(family, 99, 1);
	struct dp_policy_rule after = rule_make(family, 30, 1);
	struct ip_addr a = addr_make(family, 3, 0);
	struct handle h;

	jumped.remote = after.remote = prefix_make(&a, 16);
	add(jumped, 8, 8, &h);
	add(after, DENIED, 1, &h);
	add(last, CATCH_ALL, 1, &h);
}

struct moving {
	struct handle cover, deny, others[60];
};

static void replace(struct moving *m, uint8_t family, uint32_t round)
{
	struct handle next;

	add(denying(family, round), 0, 0, &next);
	policy_del(policy, m->deny);
	m->deny = next;
	bystander(family, round, &m->others[round % 60]);
	add(covering(family, round), COVERED, round, &next);
	if (family == 6) // release: both families' rules of this generation are there
		__atomic_store_n(&generation, round, __ATOMIC_RELEASE);
	policy_del(policy, m->cover);
	m->cover = next;
}

static void replaced_under_readers(void **state)
{
	static struct moving v4, v6;
	struct tally sum = {0};
	pthread_t threads[READERS];
	uint32_t round = 1;

	(void)state;
	stand(4);
	stand(6);
	replace(&v4, 4, round);
	replace(&v6, 6, round);
	readers_start(threads, reader);
	for (round = 2; round < ROUNDS; round++) {
		replace(&v4, 4, round);
		replace(&v6, 6, round);
	}
	readers_end(threads, &sum);
	print_message("# %u replacements, %lu look-ups, %lu wrong, %lu stale\n", 2 * round,
	              sum.looked, sum.wrong, sum.stale);
	assert_true(sum.looked > 1000);
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.stale, 0);
}

// ---- a hold ------------------------------------------------------------------------------------

#define HELD_IFACE  1u
#define HELD_ROUNDS 200000u

// What a rule covers before and after, and a hold between, is never clear.
static void *held_reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	struct model_packet k = packet_make(4, 2, 1);
	struct tally *t = calloc(1, sizeof(*t));

	k.iface = HELD_IFACE;
	rte_rcu_qsbr_thread_online(qsbr, id);
	while (t && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct policy_answer got, plain = model_ask(policy, &k);

		model_ask_burst(policy, caches[id], &k, 1, &got);
		t->looked++;
		t->wrong += got.verdict == POLICY_CLEAR;
		t->wrong += plain.verdict == POLICY_CLEAR;
		t->stale += got.verdict == POLICY_CHANGING;
		rte_rcu_qsbr_quiescent(qsbr, id);
	}
	rte_rcu_qsbr_thread_offline(qsbr, id);
	return t;
}

static void held_under_readers(void **state)
{
	struct dp_policy_rule rule = rule_make(4, 10, 1);
	struct model_packet k = packet_make(4, 2, 1);
	pthread_t threads[READERS];
	struct tally sum = {0};
	struct handle h;

	(void)state;
	rule.iface = k.iface = HELD_IFACE;
	add(rule, 1, 1, &h);
	readers_start(threads, held_reader);
	for (unsigned round = 0; round < HELD_ROUNDS; round++) {
		policy_hold(policy, HELD_IFACE, true);
		policy_del(policy, h);
		add(rule, 1, round + 2, &h);
		policy_hold(policy, HELD_IFACE, false);
		// Over for whoever looks now, whatever others have remembered.
		assert_int_equal(model_ask(policy, &k).verdict, POLICY_PROTECT);
	}
	readers_end(threads, &sum);
	print_message("# %u holds, %lu look-ups, %lu held, %lu clear\n", HELD_ROUNDS, sum.looked,
	              sum.stale, sum.wrong);
	assert_true(sum.looked > 1000);
	assert_int_equal(sum.wrong, 0);
	for (unsigned i = 0; i < READERS; i++) {
		struct policy_answer got;

		model_ask_burst(policy, caches[i], &k, 1, &got);
		assert_int_equal(got.verdict, POLICY_PROTECT);
	}
	policy_del(policy, h);
	policy_hold(policy, HELD_IFACE, true);
	assert_int_equal(model_ask(policy, &k).verdict, POLICY_CHANGING);
	policy_hold(policy, HELD_IFACE, false);
	assert_int_equal(model_ask(policy, &k).verdict, POLICY_CLEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaced_under_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(held_under_readers, setup, teardown),
	};

	return cmocka_run_group_tests_name("policy_race", tests, eal_start, eal_stop);
}
