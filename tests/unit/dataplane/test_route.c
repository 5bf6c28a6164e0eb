// Routes against a naive model, and readers while they change.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <rte_malloc.h>

#include "addr.h"
#include "route.h"
#include "test_eal.h"

#define IFACES 4

static struct dp dp;

static int start(void **state)
{
	int rc = eal_start(state);

	if (rc)
		return rc;
	dp.n_ifaces = IFACES;
	dp.n_workers = 1;
	for (unsigned i = 0; i < IFACES; i++)
		dp.ifaces[i].flags = IFACE_UP;
	dp.rcu = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	if (!dp.rcu || rte_rcu_qsbr_init(dp.rcu, 1))
		return -1;
	rte_rcu_qsbr_thread_register(dp.rcu, 0);
	return route_init(&dp);
}

static int stop(void **state)
{
	route_fini(&dp);
	rte_free(dp.rcu);
	return eal_stop(state);
}

struct model {
	uint32_t addr, gateway;
	uint8_t len;
	uint16_t iface;
	bool used;
};

#define MODELS 200

static const struct model *model_find(const struct model *m, uint32_t dst)
{
	const struct model *best = NULL;

	for (unsigned i = 0; i < MODELS; i++) {
		uint32_t mask = m[i].len ? UINT32_MAX << (32 - m[i].len) : 0;

		if (m[i].used && (dst & mask) == m[i].addr && (!best || m[i].len > best->len))
			best = &m[i];
	}
	return best;
}

static void model_change(struct model *models)
{
	struct model *m = &models[rng(MODELS)];
	struct ip_addr a = addr_v4(0x0a000000 | rng(1 << 12)), gateway;
	struct ip_prefix p = prefix_make(&a, (uint8_t)(rng(10) ? 20 + rng(13) : 0));

	if (m->used) {
		a = addr_v4(m->addr);
		p = prefix_make(&a, m->len);
		dp_route_del(&dp, &p);
		m->used = false;
		return;
	}
	for (unsigned i = 0; i < MODELS; i++)
		if (models[i].used && models[i].addr == addr_v4_host(&p.addr) &&
		    models[i].len == p.len)
			m = &models[i]; // replaced
	*m = (struct model){.addr = addr_v4_host(&p.addr),
	                    .len = p.len,
	                    .iface = (uint16_t)rng(IFACES),
	                    .gateway = 0x0b000000 + rng(50),
	                    .used = true};
	gateway = addr_v4(m->gateway);
	assert_int_equal(dp_route_add(&dp, &p, &gateway, m->iface), 0);
}

static void test_against_a_model(void **state)
{
	static struct model models[MODELS];

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		model_change(models);
		rte_rcu_qsbr_quiescent(dp.rcu, 0);
		for (unsigned i = 0; i < 8; i++) {
			struct ip_addr dst = addr_v4(0x0a000000 | rng(1 << 12)), hop, source;
			const struct model *m = model_find(models, addr_v4_host(&dst));
			uint16_t iface;
			int rc = dp_route_find(&dp, &dst, &iface, &hop, &source);

			assert_int_equal(rc, m ? 0 : -EHOSTUNREACH);
			if (m) {
				assert_int_equal(iface, m->iface);
				assert_int_equal(addr_v4_host(&hop), m->gateway);
			}
		}
	}
	for (unsigned i = 0; i < MODELS; i++) {
		struct ip_addr a = addr_v4(models[i].addr);
		struct ip_prefix p = prefix_make(&a, models[i].len);

		if (models[i].used)
			dp_route_del(&dp, &p);
	}
}

static void test_interface_wins_over_static(void **state)
{
	const struct ip_addr a = addr_v4(0x0a010000), gateway = addr_v4(0x0b000001);
	const struct ip_prefix p = prefix_make(&a, 24);
	const struct ip_addr dst = addr_v4(0x0a010005), own = addr_v4(0x0a010001);
	struct ip_addr hop, source;
	uint16_t iface;

	(void)state;
	assert_int_equal(dp_route_add(&dp, &p, &gateway, 2), 0);
	assert_int_equal(route_iface_add(&dp, 0x0a010000, 24, 1, ROUTE_CONNECTED), 0);
	assert_int_equal(route_iface_add(&dp, 0x0a010001, 32, 1, ROUTE_LOCAL), 0);
	assert_int_equal(route_iface_add(&dp, 0x0a010000, 24, 3, ROUTE_CONNECTED), -EEXIST);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 1);
	assert_true(addr_equal(&hop, &dst));
	assert_int_equal(dp_route_find(&dp, &own, &iface, &hop, &source), -EHOSTUNREACH);
	route_iface_del(&dp, 0x0a010000, 24, 1);
	route_iface_del(&dp, 0x0a010001, 32, 1);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 2);
	dp_route_del(&dp, &p);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), -EHOSTUNREACH);
}

// A worker's view: 10.2.0.0/16 never changes, while longer prefixes come and go around the address
// that it looks up. The gateway's last octet is the interface's number; a torn or reused hop shows.
static void *reader(void *arg)
{
	const uint32_t *end = arg;
	uintptr_t wrong = 0;

	while (!__atomic_load_n(end, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; i < 64; i++) {
			uint16_t index = route_lookup(dp.routes, rte_cpu_to_be_32(0x0a020305));
			const struct route_hop *hop = route_hop(dp.routes, index);

			if (hop->kind != ROUTE_GATEWAY ||
			    rte_be_to_cpu_32(hop->gateway) != 0x0b000000u + hop->iface)
				wrong++;
		}
		rte_rcu_qsbr_quiescent(dp.rcu, 0);
	}
	return (void *)wrong;
}

static void test_readers_while_routes_change(void **state)
{
	static uint32_t end;
	const struct ip_addr a = addr_v4(0x0a020305);
	const struct ip_prefix base = prefix_make(&a, 16);
	struct ip_addr gateway = addr_v4(0x0b000000);
	pthread_t thread;
	void *wrong;

	(void)state;
	assert_int_equal(dp_route_add(&dp, &base, &gateway, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, reader, &end), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct ip_prefix p = prefix_make(&a, (uint8_t)(17 + rng(16)));
		uint16_t iface = (uint16_t)rng(IFACES);

		gateway = addr_v4(0x0b000000u + iface);
		assert_int_equal(dp_route_add(&dp, &p, &gateway, iface), 0);
		if (i % 3)
			dp_route_del(&dp, &p);
	}
	__atomic_store_n(&end, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &wrong);
	assert_int_equal((uintptr_t)wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_model),
		cmocka_unit_test(test_interface_wins_over_static),
		cmocka_unit_test(test_readers_while_routes_change),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
