// Inbound SAs under SPIs that somebody else chose: found by SPI and destination address, by any
// worker, gone at once when deleted, refused where the SPI is not free to be chosen.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "foreign.h"
#include "gate.h"

static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};

// A flow with manual keys in both directions, which leads back here. 0 or -errno.
static int manual_flow(uint32_t spi, struct gate_flow *f)
{
	struct sa_spec spec = suite_spec(&cbc, spi), mirror = suite_mirror(&spec);
	struct dp_tunnel_spec tunnel = {.iface = 1, .selector = spec.selector, .peer = DP_NO_PEER};
	int err;

	mirror.replay_window = 0;
	assert_int_equal(dp_tunnel_add(&gate, &tunnel, &f->tunnel), 0);
	err = dp_sa_import(&gate, &mirror, f->tunnel, &f->in);
	if (err) {
		assert_true(handle_is_null(f->in));
		dp_tunnel_del(&gate, f->tunnel);
		gate_turn();
		return err;
	}
	assert_int_equal(dp_sa_add_out(&gate, &spec, f->tunnel, f->in, &f->out), 0);
	dp_tunnel_use(&gate, f->tunnel, f->out);
	f->spec = spec;
	gate_turn();
	return 0;
}

static void end_flow(struct gate_flow *f)
{
	dp_sa_del(&gate, (struct handle[]){f->in, f->out}, 2);
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	dp_tunnel_del(&gate, f->tunnel);
	gate_turn();
}

static bool passes(const struct gate_flow *f)
{
	struct rte_mbuf *m = gate_encrypt(f, 100);
	bool good;

	assert_non_null(m);
	good = gate_decrypt(&m);
	if (good) {
		assert_true(handle_equal(packet_of(m)->sa, f->in));
		rte_pktmbuf_free(m);
	}
	return good;
}

static void there_and_back(void **state)
{
	struct gate_flow f, g;
	struct dp_sa_stats s;
	tick_t when;

	(void)state;
	assert_int_equal(manual_flow(256, &f), 0);
	assert_int_equal(manual_flow(0x7fffffff, &g), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(passes(&f));
		assert_true(passes(&g));
	}
	dp_sa_stats(&gate, f.in, &s);
	assert_int_equal(s.packets, 5);
	assert_false(dp_sa_last_in(&gate, f.in, &when)); // without a replay window: no proof
	end_flow(&f);
	assert_true(passes(&g));
	end_flow(&g);
}

// Replayed packets are taken: these SAs have no window.
static void no_replay_protection(void **state)
{
	struct gate_flow f;
	struct rte_mbuf *m, *copy;

	(void)state;
	assert_int_equal(manual_flow(300, &f), 0);
	m = gate_encrypt(&f, 64);
	assert_non_null(m);
	copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	assert_true(gate_decrypt(&m));
	assert_true(gate_decrypt(&copy));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
	end_flow(&f);
}

static void a_deleted_spi_is_free_at_once(void **state)
{
	struct handle sas[2];
	struct gate_flow f, g;
	uint64_t before;

	(void)state;
	assert_int_equal(manual_flow(300, &f), 0);
	assert_int_equal(manual_flow(300, &g), -EEXIST);
	sas[0] = f.in;
	sas[1] = f.out;
	dp_sa_del(&gate, sas, 2); // the worker has not heard of it yet
	assert_int_equal(manual_flow(300, &g), 0);
	assert_true(passes(&g));
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	dp_tunnel_del(&gate, f.tunnel);
	before = gate_counter(DROP_ESP_NO_SA);
	dp_sa_del(&gate, &g.in, 1);
	gate_turn();
	assert_false(passes(&g));
	assert_int_equal(gate_counter(DROP_ESP_NO_SA), before + 1);
	dp_sa_del(&gate, &g.out, 1);
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	dp_tunnel_del(&gate, g.tunnel);
	gate_turn();
}

static void the_destination_counts(void **state)
{
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(manual_flow(300, &f), 0);
	m = gate_encrypt(&f, 64);
	assert_non_null(m);
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(0xc000020c);
	assert_false(gate_decrypt(&m));
	end_flow(&f);
}

// What another worker receives goes to the owner.
static void handed_to_its_owner(void **state)
{
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	gate_rss = 1;
	assert_int_equal(manual_flow(300, &f), 0);
	m = gate_encrypt(&f, 64);
	assert_non_null(m);
	gate_rss = 0;
	assert_false(gate_decrypt(&m)); // handed off
	assert_int_equal(rte_ring_sc_dequeue(gate.handoffs[0 * GATE_WORKERS + 1], (void **)&m), 0);
	gate_rss = 1;
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	end_flow(&f);
	gate_rss = 0;
}

static void what_is_refused(void **state)
{
	struct gate_flow f;

	(void)state;
	assert_int_equal(manual_flow(255, &f), -EINVAL);
	assert_int_equal(manual_flow(0x80000000, &f), -EINVAL);
}

static void ipv6_destinations(void **state)
{
	struct foreign *table = foreign_create(64, gate.rcu);
	struct ip_addr six = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	struct rte_ipv6_hdr ip = {.vtc_flow = rte_cpu_to_be_32(6u << 28)};
	uint32_t position, more;

	(void)state;
	memcpy(ip.dst_addr, six.bytes, 16);
	assert_non_null(table);
	assert_int_equal(foreign_add(table, 300, &six, 0x80001000, &position), 0);
	assert_int_equal(foreign_add(table, 300, &six, 0x80002000, &more), -EEXIST);
	assert_int_equal(foreign_find(table, 300, &ip), 0x80001000);
	assert_int_equal(foreign_find(table, 301, &ip), 0);
	ip.dst_addr[15] = 2;
	assert_int_equal(foreign_find(table, 300, &ip), 0);
	foreign_del(table, position);
	ip.dst_addr[15] = 1;
	assert_int_equal(foreign_find(table, 300, &ip), 0);
	foreign_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(no_replay_protection, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(a_deleted_spi_is_free_at_once, gate_start,
	                                        gate_stop),
		cmocka_unit_test_setup_teardown(the_destination_counts, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(handed_to_its_owner, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(what_is_refused, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(ipv6_destinations, gate_start, gate_stop),
	};

	return cmocka_run_group_tests_name("foreign", tests, eal_start, eal_stop);
}
