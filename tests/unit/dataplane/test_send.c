// What the control core sends when the way out is full: refused, and said beforehand, until the
// tick is over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "../../perf/gateway.h"
#include "addr.h"
#include "ring_port.h"
#include "test_eal.h"

#define OUTSIDE_IP 0xc0000201u
#define INSIDE_IP  0xac100001u

static struct gateway g;
static struct ring_port port;
static struct rte_mempool *pool;

static int start(void **state)
{
	const struct gateway_config config = {.memory_mb = 192, .mtu = 1500, .max_flows = 1};
	char err[256] = "";

	(void)state;
	if (gateway_start(&g, &config, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	pool = rte_pktmbuf_pool_create("sends", 255, 0, PACKET_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE,
	                               SOCKET_ID_ANY);
	if (!pool || ring_port_make(&port, 0, pool))
		return -1;
	g.dp->ifaces[GATEWAY_OUTSIDE].port = port.port;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rte_eth_dev_stop(port.port);
	gateway_stop(&g);
	return 0;
}

static int send_to(uint32_t src, uint32_t dst)
{
	static const uint8_t data[100];
	struct dp_datagram d = {.src = addr_v4(src),
	                        .dst = addr_v4(dst),
	                        .src_port = 500,
	                        .dst_port = 500,
	                        .data = data,
	                        .len = sizeof(data)};

	return dp_datagram_send(g.dp, &d);
}

static void drain(void)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(port.sent, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	while (rte_ring_dequeue(g.dp->ifaces[GATEWAY_OUTSIDE].control_ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

// By a TX queue of the control core's own (queue 0), and by the ring of the port's first worker.
static void a_full_way_is_known(void **state)
{
	const struct ip_addr outside = addr_v4(GATEWAY_REMOTE_HOST),
			     inside = addr_v4(GATEWAY_LOCAL_HOST), v6 = {.family = 6};
	uint64_t a_tick = g.dp->clock.cycles_a_tick;

	(void)state;
	for (int queue = -1; queue < 1; queue++) {
		unsigned sent = 0;

		g.dp->clock.cycles_a_tick = UINT64_MAX; // stands still
		g.dp->ifaces[GATEWAY_OUTSIDE].control_queue = queue;
		while (send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST) == 0) {
			assert_false(dp_way_is_full(g.dp, &outside));
			assert_in_range(++sent, 1, 10000);
		}
		assert_int_not_equal(sent, 0);
		assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), -EAGAIN);
		assert_true(dp_way_is_full(g.dp, &outside));
		assert_false(dp_way_is_full(g.dp, &inside)); // the other interface
		assert_false(dp_way_is_full(g.dp, &v6));     // no route: another answer
		assert_int_equal(send_to(INSIDE_IP, GATEWAY_LOCAL_HOST), 0);

		g.dp->clock.cycles_a_tick = a_tick; // goes on: it is tried again
		while (dp_now(g.dp) == g.dp->full_at)
			;
		assert_false(dp_way_is_full(g.dp, &outside));
		assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), -EAGAIN);
		drain();
		assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), 0);
		drain();
	}
}

// What is in the ring does not move: the next frame does not join it for long, however much room
// there is. Frames that do move are no matter.
static void a_ring_that_stands(void **state)
{
	struct iface *outside = &g.dp->ifaces[GATEWAY_OUTSIDE];
	const struct ip_addr peer = addr_v4(GATEWAY_REMOTE_HOST);
	tick_t from = dp_now(g.dp);

	(void)state;
	outside->control_queue = -1;
	assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), 0);
	while (tick_diff(dp_now(g.dp), from) < 30) { // 300 ms
		assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), 0);
		drain();
	}
	do {
		for (tick_t tick = dp_now(g.dp); dp_now(g.dp) == tick;)
			;
	} while (send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST) == 0);
	assert_in_range(rte_ring_count(outside->control_ring), 1, 20);
	assert_true(tick_diff(dp_now(g.dp), from) >= 40);
	while (send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), !dp_way_is_full(g.dp, &peer))
		; // a tick has just begun
	drain();
	assert_int_equal(send_to(OUTSIDE_IP, GATEWAY_REMOTE_HOST), 0);
	drain();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_way_is_known),
	                                   cmocka_unit_test(a_ring_that_stands)};

	return cmocka_run_group_tests(tests, start, stop);
}
