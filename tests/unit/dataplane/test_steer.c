// Steering of ESP by rte_flow: what a port is asked for, what is left when its driver refuses,
// where the rules bring packets, and whose a new SA is. The NIC is flow_model.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "flow_model.h"

#include "addr.h"
#include "sa_table.h"
#include "steer.h"

#define WORKERS 4u
#define FOUR    0 // interfaces by their queues
#define TWO     1
#define ONE     2
#define KINDS   4u // without tags: {IPv4, IPv6} x {native, UDP}

static struct dp *dp;

// Connected 10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24 and 2001:db8:N::/64.
static int iface_up(uint16_t iface)
{
	struct dp_iface_config c = {
		.mtu = 1500, .up = true, .address = addr_v4(0x0a000001u | (uint32_t)iface << 8)};
	char text[ADDR_TEXT];

	c.network = prefix_make(&c.address, 24);
	snprintf(text, sizeof(text), "2001:db8:%u::1", iface);
	if (addr_parse(text, &c.addresses6[0].address))
		return -1;
	c.addresses6[0].network = prefix_make(&c.addresses6[0].address, 64);
	c.n_addresses6 = 1;
	return dp_iface_set(dp, iface, &c);
}

static int start(void **state)
{
	static const unsigned cpus[WORKERS];
	static const struct dp_port_config ports[] = {
		{.name = "four", .device = "net_null0,no-rx=1"},
		{.name = "two", .device = "net_null1,no-rx=1", .rx_queues = 2},
		{.name = "one", .device = "net_null2,no-rx=1", .rx_queues = 1}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = RTE_DIM(ports),
	                                 .worker_cpus = cpus,
	                                 .n_workers = WORKERS,
	                                 .memory_mb = 256,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 256,
	                                 .max_ike_sas = 8};
	char err[256];

	(void)state;
	dp = dp_prepare(&config, NULL, err, sizeof(err));
	if (!dp)
		print_error("%s\n", err);
	return dp ? iface_up(FOUR) || iface_up(TWO) || iface_up(ONE) : -1;
}

static int stop(void **state)
{
	(void)state;
	dp_stop(dp);
	// Whatever the tests did, a closed port has no rules.
	return model.n || model.bad;
}

// The port starts anew, before a NIC that can do what `nic` can.
static struct dp_port_steering again(uint16_t iface, bool vlans)
{
	struct dp_port_steering says;

	steer_stop(dp, iface);
	model.validated = 0;
	steer_start(dp, iface, vlans);
	dp_port_steering(dp, iface, &says);
	return says;
}

static unsigned rules_of(uint16_t iface)
{
	unsigned n = 0;

	for (unsigned i = 0; i < model.n; i++)
		n += model.rules[i]->port == dp->ifaces[iface].port;
	return n;
}

// Every test begins before a NIC that can do everything.
static int good_nic(void **state)
{
	(void)state;
	model.no_v6 = model.no_udp = model.no_vlan = model.no_mask = model.blind_mask = false;
	model.silent = false;
	model.room = 0;
	for (uint16_t i = 0; i < dp->n_ports; i++)
		(void)again(i, false);
	return model.bad;
}

// ---- what is asked for -------------------------------------------------------------------------

static void test_a_rule_for_each_kind_and_owner(void **state)
{
	struct dp_port_steering says;

	(void)state;
	dp_port_steering(dp, FOUR, &says);
	assert_int_equal(says.queues, 4);
	assert_int_equal(says.workers, 4);
	for (unsigned kind = 0; kind < DP_STEER_KINDS; kind++) {
		assert_int_equal(says.kinds[kind].asked, kind < KINDS);
		assert_int_equal(says.kinds[kind].rules, kind < KINDS ? WORKERS : 0);
		assert_string_equal(says.kinds[kind].refused, "");
		assert_non_null(dp_steer_name(kind));
	}
	assert_null(dp_steer_name(DP_STEER_KINDS));
	assert_int_equal(rules_of(FOUR), KINDS * WORKERS);
}

static void test_the_mask_is_top_bit_and_owner(void **state)
{
	const struct spi_layout *l = &dp->sas->layout;
	unsigned udp = 0, v6 = 0;

	(void)state;
	// 4 owners: two bits behind the top bit.
	for (unsigned i = 0; i < model.n; i++) {
		const struct rte_flow *f = model.rules[i];

		if (f->port != dp->ifaces[FOUR].port)
			continue;
		assert_int_equal(f->spi_mask, 0xe0000000);
		assert_int_equal(f->spi & ~f->spi_mask, 0);
		assert_true(spi_is_own(f->spi));
		assert_int_equal(iface_worker(dp, &dp->ifaces[FOUR], f->queue),
		                 spi_owner(l, f->spi));
		assert_int_equal(f->dst_port, f->udp ? 4500 : 0);
		assert_int_equal(f->dst_port_mask, f->udp ? 0xffff : 0);
		udp += f->udp;
		v6 += f->v6;
	}
	assert_int_equal(udp, 2 * WORKERS);
	assert_int_equal(v6, 2 * WORKERS);
}

static void test_owners_without_a_queue_have_no_rule(void **state)
{
	struct dp_port_steering says;

	(void)state;
	dp_port_steering(dp, TWO, &says);
	assert_int_equal(says.workers, 2);
	assert_int_equal(says.kinds[0].rules, 2);
	assert_int_equal(rules_of(TWO), KINDS * 2);
	for (unsigned i = 0; i < model.n; i++)
		if (model.rules[i]->port == dp->ifaces[TWO].port)
			assert_true(model.rules[i]->queue < 2);
}

static void test_one_queue_needs_no_rule(void **state)
{
	struct dp_port_steering says;

	(void)state;
	says = again(ONE, true);
	assert_int_equal(model.validated, 0);
	assert_int_equal(says.queues, 1);
	assert_int_equal(says.workers, 1);
	assert_false(says.kinds[0].asked);
	assert_int_equal(rules_of(ONE), 0);
}

static void test_several_queues_of_a_worker(void **state)
{
	struct iface *iface = &dp->ifaces[FOUR];
	uint16_t had = iface->n_rx;

	(void)state;
	iface->n_rx = 7; // workers 0, 1 and 2 have two
	assert_int_equal(again(FOUR, false).workers, WORKERS);
	assert_int_equal(rules_of(FOUR), KINDS * WORKERS);
	for (unsigned i = 0; i < model.n; i++)
		if (model.rules[i]->port == iface->port)
			assert_int_equal(model.rules[i]->queue,
			                 spi_owner(&dp->sas->layout, model.rules[i]->spi));
	iface->n_rx = had;
}

static void test_tags(void **state)
{
	struct dp_port_steering says = again(FOUR, true);

	(void)state;
	assert_int_equal(rules_of(FOUR), 2 * KINDS * WORKERS);
	for (unsigned kind = 0; kind < DP_STEER_KINDS; kind++)
		assert_int_equal(says.kinds[kind].rules, WORKERS);
	model.no_vlan = true;
	says = again(FOUR, true);
	assert_int_equal(rules_of(FOUR), KINDS * WORKERS);
	assert_string_equal(says.kinds[KINDS].refused, "no tags");
}

// ---- refusal -----------------------------------------------------------------------------------

static void test_what_is_refused_leaves_the_rest(void **state)
{
	struct dp_port_steering says;

	(void)state;
	model.no_v6 = true;
	says = again(FOUR, false);
	assert_int_equal(says.kinds[0].rules, WORKERS);
	assert_int_equal(says.kinds[1].rules, 0);
	assert_int_equal(says.kinds[2].rules, WORKERS);
	assert_int_equal(says.kinds[3].rules, 0);
	assert_string_equal(says.kinds[1].refused, "no IPv6");
	assert_string_equal(says.kinds[0].refused, "");
	assert_int_equal(rules_of(FOUR), 2 * WORKERS);
}

static void test_a_nic_without_masks_has_no_rules(void **state)
{
	struct dp_port_steering says;

	(void)state;
	model.no_mask = true;
	says = again(FOUR, false);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		assert_true(says.kinds[kind].asked);
		assert_int_equal(says.kinds[kind].rules, 0);
		assert_string_equal(says.kinds[kind].refused, "SPI mask must be full");
	}
	assert_int_equal(rules_of(FOUR), 0);
	assert_int_equal(model.validated, KINDS);
}

// One rule for all SPIs would bring everything to one worker: worse than none.
static void test_a_nic_that_ignores_masks_has_no_rules(void **state)
{
	(void)state;
	model.blind_mask = true;
	assert_string_equal(again(FOUR, false).kinds[0].refused, "rule exists");
	assert_int_equal(rules_of(FOUR), 0);
}

static void test_a_kind_that_has_no_room_is_taken_back(void **state)
{
	struct dp_port_steering says;

	(void)state;
	for (uint16_t i = 0; i < dp->n_ports; i++)
		steer_stop(dp, i);
	assert_int_equal(model.n, 0);
	model.room = WORKERS + 1;
	says = again(FOUR, false);
	assert_int_equal(says.kinds[0].rules, WORKERS);
	assert_int_equal(says.kinds[1].rules, 0);
	assert_string_equal(says.kinds[1].refused, "no room");
	assert_int_equal(model.n, WORKERS);
}

static void test_a_driver_without_words(void **state)
{
	(void)state;
	model.silent = true;
	model.no_mask = true;
	assert_string_equal(again(FOUR, false).kinds[0].refused, rte_strerror(EINVAL));
	model.no_mask = false;
	model.room = 1;
	assert_string_equal(again(FOUR, false).kinds[0].refused, rte_strerror(ENOSPC));
}

static void test_a_port_that_stops_has_no_rules(void **state)
{
	struct dp_port_steering says;

	(void)state;
	steer_stop(dp, FOUR);
	assert_int_equal(rules_of(FOUR), 0);
	dp_port_steering(dp, FOUR, &says);
	assert_int_equal(says.queues, 0);
	steer_stop(dp, FOUR);
	assert_int_equal(again(FOUR, false).kinds[0].rules, WORKERS);
	dp_port_steering(dp, 77, &says);
	assert_int_equal(says.queues, 0);
}

// ---- where packets go --------------------------------------------------------------------------

struct packet {
	bool vlan, v6, udp;
	uint16_t port;
	uint32_t spi;
};

static int queue_of(uint16_t iface, const struct packet *p)
{
	uint8_t frame[14 + 4 + 40 + 8 + 8] = {0}, *at = frame + 12;

	if (p->vlan) {
		bytes_put_u16(at, 0x8100);
		at += 4;
	}
	bytes_put_u16(at, p->v6 ? 0x86dd : 0x0800);
	at += 2;
	at[0] = p->v6 ? 0x60 : 0x45;
	at[p->v6 ? 6 : 9] = p->udp ? 17 : 50;
	at += p->v6 ? 40 : 20;
	if (p->udp) {
		bytes_put_u16(at + 2, p->port);
		at += 8;
	}
	bytes_put_u32(at, p->spi);
	return model_queue(dp->ifaces[iface].port, frame);
}

static void test_frames_come_to_their_owner(void **state)
{
	const struct spi_layout *l = &dp->sas->layout;
	struct packet p = {.port = 4500};

	(void)state;
	for (unsigned owner = 0; owner < WORKERS; owner++) {
		for (unsigned slot = 0; slot < 256; slot += 17) {
			p.spi = spi_make(l, owner, slot, slot * 2654435761u);
			for (unsigned kind = 0; kind < KINDS; kind++) {
				p.v6 = kind & 1;
				p.udp = kind & 2;
				assert_int_equal(queue_of(FOUR, &p), owner);
				// Port two's queues are those of workers 1 and 2.
				assert_int_equal(queue_of(TWO, &p),
				                 owner == 1 || owner == 2 ? (int)owner - 1 : -1);
			}
		}
	}
}

// Somebody else's SPIs, IKE behind its marker, other ports: as the port likes.
static void test_other_frames_do_not(void **state)
{
	struct packet foreign = {.spi = 0x7fffffff}, marker = {.udp = true, .port = 4500},
		      other = {.udp = true, .port = 4501, .spi = 0xffffffff},
		      tag = {.vlan = true, .spi = 0xffffffff};

	(void)state;
	assert_int_equal(queue_of(FOUR, &foreign), -1);
	assert_int_equal(queue_of(FOUR, &marker), -1);
	assert_int_equal(queue_of(FOUR, &other), -1);
	assert_int_equal(queue_of(FOUR, &tag), -1);
}

// ---- whose a new SA is -------------------------------------------------------------------------

static unsigned owner_for(struct handle *sa, uint32_t remote)
{
	struct ip_addr l = addr_v4(0x0a000001), r = addr_v4(remote);
	uint32_t spi;

	assert_int_equal(dp_sa_reserve(dp, &l, &r, sa, &spi), 0);
	assert_int_equal(spi_owner(&dp->sas->layout, spi), dp->sas->slots[sa->index].owner);
	return dp->sas->slots[sa->index].owner;
}

static void test_the_worker_with_the_fewest(void **state)
{
	unsigned count[WORKERS] = {0};
	struct handle sas[40], more[4];

	(void)state;
	for (unsigned i = 0; i < 40; i++) // all of one peer
		count[owner_for(&sas[i], 0x0a000002)]++;
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(count[w], 10);
	// Three of one worker go: it gets the next three.
	for (unsigned i = 0, n = 0; i < 40 && n < 3; i++)
		if (dp->sas->slots[sas[i].index].owner == 2) {
			dp_sa_del(dp, &sas[i], 1);
			n++;
		}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(owner_for(&more[i], 0x0a000003), 2);
	// Only those that have a queue on the peer's port.
	for (unsigned i = 0; i < 3; i++)
		dp_sa_del(dp, &more[i], 1);
	assert_int_equal(owner_for(&more[0], 0x0a000102), 2);
	for (unsigned i = 1; i < 4; i++)
		assert_in_range(owner_for(&more[i], 0x0a000102), 1, 2);
	dp_sa_del(dp, more, 4);
	dp_sa_del(dp, sas, 40);
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(dp->sas->inbound[w], 0);
}

// Where some packets of a family do not come to their owner, the port's own spreading decides.
static void test_spreading_decides_without_rules(void **state)
{
	struct ip_addr v4 = addr_v4(0x0a000002), one = addr_v4(0x0a000202),
		       nowhere = addr_v4(0x0b000001), v6;
	struct handle sa;
	unsigned worker = 77, first;

	(void)state;
	assert_int_equal(addr_parse("2001:db8:0::2", &v6), 0);
	assert_true(steer_worker(dp, &v4, &worker));
	assert_true(steer_worker(dp, &v6, &worker));
	assert_false(steer_worker(dp, &one, &worker));
	assert_false(steer_worker(dp, &nowhere, &worker));
	model.no_v6 = true;
	(void)again(FOUR, false);
	assert_true(steer_worker(dp, &v4, &worker));
	assert_false(steer_worker(dp, &v6, &worker));
	model.no_udp = true;
	(void)again(FOUR, false);
	assert_false(steer_worker(dp, &v4, &worker));
	first = owner_for(&sa, 0x0a000002);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(owner_for(&sa, 0x0a000002), first);
		dp_sa_del(dp, &sa, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_rule_for_each_kind_and_owner, good_nic),
		cmocka_unit_test_setup(test_the_mask_is_top_bit_and_owner, good_nic),
		cmocka_unit_test_setup(test_owners_without_a_queue_have_no_rule, good_nic),
		cmocka_unit_test_setup(test_one_queue_needs_no_rule, good_nic),
		cmocka_unit_test_setup(test_several_queues_of_a_worker, good_nic),
		cmocka_unit_test_setup(test_tags, good_nic),
		cmocka_unit_test_setup(test_what_is_refused_leaves_the_rest, good_nic),
		cmocka_unit_test_setup(test_a_nic_without_masks_has_no_rules, good_nic),
		cmocka_unit_test_setup(test_a_nic_that_ignores_masks_has_no_rules, good_nic),
		cmocka_unit_test_setup(test_a_kind_that_has_no_room_is_taken_back, good_nic),
		cmocka_unit_test_setup(test_a_driver_without_words, good_nic),
		cmocka_unit_test_setup(test_a_port_that_stops_has_no_rules, good_nic),
		cmocka_unit_test_setup(test_frames_come_to_their_owner, good_nic),
		cmocka_unit_test_setup(test_other_frames_do_not, good_nic),
		cmocka_unit_test_setup(test_the_worker_with_the_fewest, good_nic),
		cmocka_unit_test_setup(test_spreading_decides_without_rules, good_nic),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
