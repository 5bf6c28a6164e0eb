// Routes against a naive model, and readers while they change.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <rte_malloc.h>

#include "addr.h"
#include "packet.h"
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

static int iface_add(uint32_t addr, uint8_t len, uint16_t iface, enum route_kind kind)
{
	const struct ip_prefix prefix = {.addr = addr_v4(addr), .len = len};

	return route_iface_add(&dp, &prefix, iface, kind);
}

static void iface_del(uint32_t addr, uint8_t len, uint16_t iface)
{
	const struct ip_prefix prefix = {.addr = addr_v4(addr), .len = len};

	route_iface_del(&dp, &prefix, iface);
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
	assert_int_equal(iface_add(0x0a010000, 24, 1, ROUTE_CONNECTED), 0);
	assert_int_equal(iface_add(0x0a010001, 32, 1, ROUTE_LOCAL), 0);
	assert_int_equal(iface_add(0x0a010000, 24, 3, ROUTE_CONNECTED), -EEXIST);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 1);
	assert_true(addr_equal(&hop, &dst));
	assert_int_equal(dp_route_find(&dp, &own, &iface, &hop, &source), -EHOSTUNREACH);
	iface_del(0x0a010000, 24, 1);
	iface_del(0x0a010001, 32, 1);
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

// A route that discards stands where a less specific one would lead on, and gives way to others.
static void test_discard(void **state)
{
	const struct ip_addr a = addr_v4(0x0a040000), gateway = addr_v4(0x0b000001);
	const struct ip_prefix outer = prefix_make(&a, 15), inner = prefix_make(&a, 16);
	const struct ip_addr dst = addr_v4(0x0a040005);
	struct ip_addr hop, source;
	uint16_t iface;

	(void)state;
	assert_int_equal(dp_route_add(&dp, &outer, &gateway, 1), 0);
	assert_int_equal(dp_route_discard(&dp, &inner), 0);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), -EHOSTUNREACH);
	assert_int_equal(dp_route_add(&dp, &inner, &gateway, 3), 0);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 3);
	assert_int_equal(dp_route_discard(&dp, &inner), 0);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), -EHOSTUNREACH);
	dp_route_del(&dp, &inner);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 1);
	dp_route_del(&dp, &outer);
}

static void set_address(uint32_t addr, uint8_t len, uint16_t mtu)
{
	struct dp_iface_config config = {.mtu = mtu, .up = true};

	if (addr) {
		config.address = addr_v4(addr);
		config.network = prefix_make(&config.address, len);
	}
	assert_int_equal(dp_iface_set(&dp, 2, &config), 0);
}

static unsigned kind_of(uint32_t addr)
{
	return route_hop(dp.routes, route_lookup(dp.routes, rte_cpu_to_be_32(addr)))->kind;
}

// Another interface has the network: all else is in force, above all that the crypto map decides,
// and whether the interface is up.
static void test_a_network_of_another(void **state)
{
	const uint32_t taken = 0x0a030009, own = 0x0a040009;
	struct dp_iface_config c = {.mtu = 1500, .up = true, .address = addr_v4(own)};
	struct iface *iface = &dp.ifaces[3];
	uint32_t flags = iface->flags;

	(void)state;
	iface->mtu_max = 9000;
	dp.ifaces[2].mtu_max = 9000;
	set_address(taken, 24, 1500);
	c.network = prefix_make(&c.address, 24);
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	c.address = addr_v4(taken);
	c.network = prefix_make(&c.address, 24);
	c.crypto_map = true;
	c.mtu = 1400;
	assert_int_equal(dp_iface_set(&dp, 3, &c), -EEXIST);
	assert_int_equal(iface->flags, IFACE_UP | IFACE_CRYPTO_MAP);
	assert_int_equal(iface->mtu, 1400);
	assert_int_equal(kind_of(own), ROUTE_LOCAL); // it keeps what it had
	assert_int_equal(addr_v4_host(&iface->config.address), own);
	c.up = false;
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	assert_int_equal(iface->flags, IFACE_CRYPTO_MAP);
	assert_int_equal(kind_of(own), ROUTE_UNREACHABLE);
	c.up = true;
	assert_int_equal(dp_iface_set(&dp, 3, &c), -EEXIST);
	assert_int_equal(iface->flags, IFACE_UP | IFACE_CRYPTO_MAP);
	assert_int_equal(iface->config.network.addr.family, 0); // it had nothing
	set_address(0, 0, 1500);
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	assert_int_equal(kind_of(taken), ROUTE_LOCAL);
	c.up = false;
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	iface->flags = flags; // other tests want it up
}

static void give6(struct dp_iface_config *c, const char *text)
{
	struct dp_address6 *a = &c->addresses6[c->n_addresses6++];

	assert_int_equal(addr_parse(text, &a->address), 0);
	a->network = prefix_make(&a->address, 64);
}

static bool is_own6(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return route_hop(dp.routes, route_lookup6(dp.routes, a.bytes))->kind == ROUTE_LOCAL;
}

// The same with IPv6: what it is not to have any more is gone all the same.
static void test6_a_network_of_another(void **state)
{
	struct dp_iface_config taken = {.mtu = 1500, .up = true}, one = taken, both = taken,
			       c = taken;
	uint32_t flags = dp.ifaces[3].flags;

	(void)state;
	dp.ifaces[2].mtu_max = dp.ifaces[3].mtu_max = 9000;
	give6(&taken, "2001:db8:7::1");
	assert_int_equal(dp_iface_set(&dp, 2, &taken), 0);
	give6(&one, "2001:db8:8::1");
	assert_int_equal(dp_iface_set(&dp, 3, &one), 0);
	give6(&both, "2001:db8:8::1");
	give6(&both, "2001:db8:7::2");
	assert_int_equal(dp_iface_set(&dp, 3, &both), -EEXIST);
	assert_true(is_own6("2001:db8:8::1"));
	assert_true(dp_iface_has_network(&dp, 3, &one.addresses6[0].network));
	assert_false(dp_iface_has_network(&dp, 3, &taken.addresses6[0].network));
	give6(&c, "2001:db8:7::2");
	assert_int_equal(dp_iface_set(&dp, 3, &c), -EEXIST);
	assert_false(is_own6("2001:db8:8::1"));
	assert_int_equal(dp.ifaces[3].config.n_addresses6, 0);
	set_address(0, 0, 1500);
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	assert_true(is_own6("2001:db8:7::2"));
	c.up = false;
	assert_int_equal(dp_iface_set(&dp, 3, &c), 0);
	dp.ifaces[3].flags = flags; // other tests want it up
}

// 10.3.0.9 is the gateway's own, its neighbour 10.3.0.1 on the network, all the while.
static void *reader_of_own(void *arg)
{
	const uint32_t *end = arg;
	uintptr_t wrong = 0;

	while (!__atomic_load_n(end, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; i < 64; i++)
			wrong += kind_of(0x0a030009) != ROUTE_LOCAL ||
			         kind_of(0x0a030001) != ROUTE_CONNECTED;
		rte_rcu_qsbr_quiescent(dp.rcu, 0);
	}
	return (void *)wrong;
}

static void test_an_interface_changes_without_a_gap(void **state)
{
	static uint32_t end;
	uint32_t version;
	pthread_t thread;
	void *wrong;

	(void)state;
	dp.ifaces[2].mtu_max = 9000;
	set_address(0x0a030009, 24, 1500);
	version = dp.routes->view.version;
	set_address(0x0a030009, 24, 1400);
	assert_int_equal(dp.routes->view.version, version); // its routes are as they were
	assert_int_equal(pthread_create(&thread, NULL, reader_of_own, &end), 0);
	for (unsigned i = 0; i < 4000; i++)
		set_address(0x0a030009, (uint8_t)(20 + rng(8)), 1500);
	__atomic_store_n(&end, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &wrong);
	assert_int_equal((uintptr_t)wrong, 0);
	set_address(0x0a030009, 30, 1500);
	assert_int_equal(kind_of(0x0a03000b), ROUTE_BROADCAST);
	set_address(0x0a03000b, 24, 1500); // what was a broadcast address is the gateway's now
	assert_int_equal(kind_of(0x0a03000b), ROUTE_LOCAL);
	assert_int_equal(kind_of(0x0a030008), ROUTE_CONNECTED);
	assert_int_equal(kind_of(0x0a0300ff), ROUTE_BROADCAST);
	set_address(0, 0, 1500);
	assert_int_equal(kind_of(0x0a030009), ROUTE_UNREACHABLE);
	assert_int_equal(kind_of(0x0a0300ff), ROUTE_UNREACHABLE);
}

// ---- IPv6 ------------------------------------------------------------------------------------

static struct ip_addr six(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct ip_prefix six_prefix(const char *text, uint8_t len)
{
	const struct ip_addr a = six(text);

	return prefix_make(&a, len);
}

struct model6 {
	struct ip_prefix prefix;
	uint16_t iface;
	bool used;
};

static const struct model6 *model6_find(const struct model6 *m, const struct ip_addr *dst)
{
	const struct model6 *best = NULL;

	for (unsigned i = 0; i < MODELS; i++)
		if (m[i].used && prefix_contains(&m[i].prefix, dst) &&
		    (!best || m[i].prefix.len > best->prefix.len))
			best = &m[i];
	return best;
}

// Addresses that have much in common, so that prefixes of all lengths nest.
static struct ip_addr near(void)
{
	struct ip_addr a = six("2001:db8::");

	for (unsigned i = 4; i < 16; i++)
		a.bytes[i] = (uint8_t)(rng(4) ? 0 : 1u << rng(8));
	return a;
}

static struct model6 *model6_same(struct model6 *m, const struct ip_prefix *p)
{
	for (unsigned i = 0; i < MODELS; i++)
		if (m[i].used && prefix_equal(&m[i].prefix, p))
			return &m[i];
	return NULL;
}

static void test6_against_a_model(void **state)
{
	static struct model6 models[MODELS];

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		struct model6 *m = &models[rng(MODELS)], *same;
		struct ip_addr a = near(), gateway = six("2001:db8:ffff::"), dst = near(), hop;
		struct ip_addr source;
		const struct model6 *best;
		uint16_t iface;
		int rc;

		if (m->used) {
			dp_route_del(&dp, &m->prefix);
			m->used = false;
		} else {
			struct ip_prefix p = prefix_make(&a, (uint8_t)rng(129));

			iface = (uint16_t)rng(IFACES);
			gateway.bytes[15] = (uint8_t)iface;
			assert_int_equal(dp_route_add(&dp, &p, &gateway, iface), 0);
			same = model6_same(models, &p);
			m = same ? same : m;
			*m = (struct model6){.prefix = p, .iface = iface, .used = true};
		}
		best = model6_find(models, &dst);
		rc = dp_route_find(&dp, &dst, &iface, &hop, &source);
		assert_int_equal(rc, best ? 0 : -EHOSTUNREACH);
		if (!best)
			continue;
		assert_int_equal(iface, best->iface);
		gateway.bytes[15] = (uint8_t)iface;
		assert_true(addr_equal(&hop, &gateway));
	}
	for (unsigned i = 0; i < MODELS; i++)
		if (models[i].used)
			dp_route_del(&dp, &models[i].prefix);
}

static void test6_interface_and_errors(void **state)
{
	const struct ip_prefix net = six_prefix("2001:db8:1::", 64);
	const struct ip_prefix own = six_prefix("2001:db8:1::1", 128);
	const struct ip_addr gateway = six("fe80::9"), v4 = addr_v4(0x0a000001), none = {0};
	const struct ip_addr dst = six("2001:db8:1::5"), local = six("fe80::1");
	struct ip_prefix bad = net;
	struct ip_addr hop, source;
	uint16_t iface;

	(void)state;
	assert_int_equal(dp_route_add(&dp, &net, &v4, 2), -EAFNOSUPPORT);
	bad.len = 129;
	assert_int_equal(dp_route_add(&dp, &bad, &none, 2), -EINVAL);
	assert_int_equal(dp_route_add(&dp, &net, &gateway, 2), 0);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 2);
	assert_true(addr_equal(&hop, &gateway));
	assert_int_equal(route_iface_add(&dp, &net, 1, ROUTE_CONNECTED), 0);
	assert_int_equal(route_iface_add(&dp, &net, 3, ROUTE_CONNECTED), -EEXIST);
	assert_int_equal(route_iface_add(&dp, &own, 1, ROUTE_LOCAL), 0);
	assert_int_equal(route_hop(dp.routes, route_lookup6(dp.routes, own.addr.bytes))->kind,
	                 ROUTE_LOCAL);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), 0);
	assert_int_equal(iface, 1);
	assert_true(addr_equal(&hop, &dst));
	route_iface_del(&dp, &net, 1);
	route_iface_del(&dp, &own, 1);
	dp_route_del(&dp, &net);
	assert_int_equal(dp_route_find(&dp, &dst, &iface, &hop, &source), -EHOSTUNREACH);
	assert_int_equal(route_link_local_add(&dp, 1, &local), 0);
	assert_true(route_is_own_link_local(dp.routes, 1, local.bytes));
	assert_false(route_is_own_link_local(dp.routes, 2, local.bytes));
	assert_false(route_is_own_link_local(dp.routes, PACKET_NO_IFACE, local.bytes));
	route_link_local_del(&dp, 1, &local);
	assert_false(route_is_own_link_local(dp.routes, 1, local.bytes));
}

// As reader(): the same prefix gets another gateway again and again, and is never away.
static void *reader6(void *arg)
{
	const struct ip_addr dst = six("2001:db8:2::5");
	const uint32_t *end = arg;
	uintptr_t wrong = 0;

	while (!__atomic_load_n(end, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; i < 64; i++) {
			const struct route_hop *hop =
				route_hop(dp.routes, route_lookup6(dp.routes, dst.bytes));

			wrong += hop->kind != ROUTE_GATEWAY || hop->gateway6[15] != hop->iface;
		}
		rte_rcu_qsbr_quiescent(dp.rcu, 0);
	}
	return (void *)wrong;
}

static void test6_readers_while_routes_change(void **state)
{
	const struct ip_prefix p = six_prefix("2001:db8:2::", 48);
	struct ip_addr gateway = six("2001:db8:ffff::");
	static uint32_t end;
	pthread_t thread;
	void *wrong;

	(void)state;
	assert_int_equal(dp_route_add(&dp, &p, &gateway, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, reader6, &end), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t iface = (uint16_t)rng(IFACES);

		gateway.bytes[15] = (uint8_t)iface;
		assert_int_equal(dp_route_add(&dp, &p, &gateway, iface), 0);
	}
	__atomic_store_n(&end, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &wrong);
	assert_int_equal((uintptr_t)wrong, 0);
	dp_route_del(&dp, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_model),
		cmocka_unit_test(test_interface_wins_over_static),
		cmocka_unit_test(test_readers_while_routes_change),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_a_network_of_another),
		cmocka_unit_test(test6_a_network_of_another),
		cmocka_unit_test(test_an_interface_changes_without_a_gap),
		cmocka_unit_test(test6_against_a_model),
		cmocka_unit_test(test6_interface_and_errors),
		cmocka_unit_test(test6_readers_while_routes_change),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
