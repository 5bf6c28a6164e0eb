// What was lost before the control core could hear it, port by port: the NICs' counters are the
// test's, and so are those of a device of the kernel below one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <semaphore.h>
#include <unistd.h>

#include "gate.h"
#include "netdev.h"
#include "port_stats.h"

#define WAN 0
#define LAN 1
#define SUB 2 // a subinterface of LAN

#define SLOTS 1024u // of a memif's ring

static struct rte_eth_stats ports[2];
static unsigned asked;         // by the test's thread, which is the control core's
static unsigned slow_us[2];    // how long a port takes to say
static bool hangs;             // a port that is slow says nothing any more ...
static sem_t hanging, goes_on; // ... somebody waits for it; it is well again
static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t control;
static bool locked; // as if the reader had been interrupted in the middle

int __wrap_pthread_mutex_trylock(pthread_mutex_t *m);
int __real_pthread_mutex_trylock(pthread_mutex_t *m);

int __wrap_pthread_mutex_trylock(pthread_mutex_t *m)
{
	return locked ? EBUSY : __real_pthread_mutex_trylock(m);
}

int __wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *out);

int __wrap_rte_eth_stats_get(uint16_t port, struct rte_eth_stats *out)
{
	if (slow_us[port])
		usleep(slow_us[port]);
	asked += pthread_equal(pthread_self(), control) != 0;
	if (slow_us[port] && __atomic_load_n(&hangs, __ATOMIC_RELAXED)) {
		sem_post(&hanging);
		sem_wait(&goes_on);
	}
	pthread_mutex_lock(&ports_lock);
	*out = ports[port];
	pthread_mutex_unlock(&ports_lock);
	return 0;
}

struct netdev {
	uint64_t lost;
	unsigned slow_us;
};

uint64_t __wrap_netdev_losses(struct netdev *n);

uint64_t __wrap_netdev_losses(struct netdev *n)
{
	if (n && n->slow_us)
		usleep(n->slow_us);
	return n ? __atomic_load_n(&n->lost, __ATOMIC_RELAXED) : 0;
}

static int start(void **state)
{
	if (gate_start(state))
		return -1;
	gate.n_ports = 2;
	gate.n_ifaces = 3;
	for (uint16_t i = 0; i < 3; i++) {
		gate.ifaces[i].port = gate.ifaces[i].main = i == SUB ? LAN : i;
		gate.ifaces[i].sub = i == SUB;
	}
	memset(ports, 0, sizeof(ports));
	memset(slow_us, 0, sizeof(slow_us));
	control = pthread_self();
	return 0;
}

static uint64_t losses(uint16_t iface)
{
	gate.losses_read = 0; // another tick
	return dp_punt_losses(&gate, iface);
}

static void of_each_port(void **state)
{
	(void)state;
	ports[WAN].imissed = 5;
	ports[LAN].imissed = 70;
	ports[LAN].rx_nombuf = 30;
	assert_int_equal(losses(WAN), 5);
	assert_int_equal(losses(LAN), 100);
	assert_int_equal(losses(SUB), 100);
	assert_int_equal(losses(DP_ALL_IFACES), 105);
	assert_int_equal(losses(3), 105); // there is none such
}

// What the device below a port lost is the port's loss, to DPD and to `show interfaces`.
static void of_the_device_below(void **state)
{
	struct netdev below = {.lost = 9};
	struct dp_iface_info info;

	(void)state;
	gate.ifaces[LAN].netdev = &below;
	ports[WAN].imissed = 5;
	ports[LAN].imissed = 70;
	assert_int_equal(losses(WAN), 5);
	assert_int_equal(losses(LAN), 79);
	assert_int_equal(losses(SUB), 79);
	assert_int_equal(losses(DP_ALL_IFACES), 84);
	dp_iface_info(&gate, LAN, &info);
	assert_int_equal(info.rx_missed, 79);
	below.lost = 10;
	assert_int_equal(losses(LAN), 80);
}

// A ring of memif's size, filled and emptied at random. Whatever was lost, the port may have been
// full since before; and where it cannot have been, nothing is said.
static void of_a_memif(void **state)
{
	enum { FRAMES = 64 };
	struct rte_mbuf frame = {.pkt_len = 64}, *pkts[FRAMES];
	unsigned held = 0, come = 0, lost = 0, lost_times = 0, calm_times = 0;
	struct dp_iface_info info;
	struct worker_rxq *q;
	uint64_t before;

	(void)state;
	gate.ifaces[LAN].ring_slots = SLOTS;
	q = &gate.workers[1]->rxqs[gate.workers[1]->n_rxqs++];
	*q = (struct worker_rxq){.iface = LAN, .ring = {.slots = SLOTS}};
	for (unsigned i = 0; i < FRAMES; i++)
		pkts[i] = &frame;
	before = losses(LAN);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned most = i / 128 % 2 ? 90 : 4; // it is calm for a while
		unsigned in = rng(rng(20) ? most : 1200), out = RTE_MIN(held, (unsigned)FRAMES);
		unsigned taken = RTE_MIN(in, SLOTS - held);

		memif_ring_took(&q->ring, pkts, (uint16_t)out, FRAMES);
		if (out < FRAMES) { // all that came since the last time is judged by now
			assert_true(!lost || losses(LAN) > before);
			assert_true(come >= SLOTS - FRAMES || losses(LAN) == before);
			lost_times += lost != 0;
			calm_times += losses(LAN) == before;
			before = losses(LAN);
			come = lost = 0;
		}
		come += in;
		lost += in - taken; // those that go out have their slots until they are copied
		held += taken - out;
	}
	assert_true(lost_times > 100 && calm_times > 100);
	assert_int_equal(losses(WAN), 0);
	dp_iface_info(&gate, LAN, &info);
	assert_int_equal(info.rx_full, losses(LAN));
	assert_int_equal(info.rx_missed, 0);
}

// A long frame takes several slots.
static void of_a_memif_with_long_frames(void **state)
{
	struct rte_mbuf frame = {.pkt_len = 9000}, *pkts[] = {&frame};
	struct memif_ring ring = {.slots = SLOTS};

	(void)state;
	for (unsigned slots = 5; slots < SLOTS; slots += 5) {
		memif_ring_took(&ring, pkts, 1, 1);
		assert_int_equal(memif_ring_full(&ring), 0);
	}
	memif_ring_took(&ring, pkts, 1, 1);
	assert_int_equal(memif_ring_full(&ring), 1);
}

static void how_many_slots(void **state)
{
	(void)state;
	assert_int_equal(memif_ring_slots("net_memif0"), 1024);
	assert_int_equal(memif_ring_slots("net_memif0,role=server,rsize=13"), 8192);
	assert_int_equal(memif_ring_slots("net_memif0,rsize=8,socket=/run/x"), 256);
	assert_int_equal(memif_ring_slots("net_memif0,rsize=99"), 16384); // DPDK refuses it
}

// Whatever came in by whichever port.
static void of_workers(void **state)
{
	(void)state;
	ports[LAN].imissed = 1;
	gate.workers[0]->counters[DROP_PUNT_IKE_ESTABLISHED] = 10;
	gate.workers[1]->counters[DROP_NO_BUFFER] = 20;
	assert_int_equal(losses(WAN), 30);
	assert_int_equal(losses(LAN), 31);
	assert_int_equal(losses(DP_ALL_IFACES), 31);
}

// A port that was stopped and started may have forgotten.
static void never_fewer(void **state)
{
	(void)state;
	ports[WAN].imissed = 5;
	ports[LAN].imissed = 7;
	assert_int_equal(losses(DP_ALL_IFACES), 12);
	ports[WAN].imissed = 0;
	ports[LAN].imissed = 8;
	assert_int_equal(losses(WAN), 5);
	assert_int_equal(losses(DP_ALL_IFACES), 13);
}

static void once_a_tick(void **state)
{
	(void)state;
	losses(WAN);
	asked = 0;
	for (unsigned i = 0; i < 1000; i++)
		dp_punt_losses(&gate, (uint16_t)(i % 3));
	assert_int_equal(asked, 0);
}

static void lose(uint16_t port, unsigned n)
{
	pthread_mutex_lock(&ports_lock);
	ports[port].imissed += n;
	pthread_mutex_unlock(&ports_lock);
}

static int start_with_clock(void **state)
{
	if (start(state))
		return -1;
	gate.clock.base = rte_rdtsc();
	gate.clock.hz = rte_get_tsc_hz();
	gate.clock.cycles_a_tick = gate.clock.hz / TICKS_PER_SECOND;
	return 0;
}

// Waits until what was lost in this tick is known.
static void wait_for_the_ports(void)
{
	tick_t next = dp_now(&gate) + 1;

	do
		usleep(1000);
	while (tick_before(dp_punt_losses_until(&gate), next));
}

static void all_ports_are_fast(void **state)
{
	(void)state;
	assert_int_equal(port_stats_start(&gate), 0);
	assert_null(gate.reader);
	wait_for_the_ports();
	port_stats_stop(&gate);
}

// A port whose driver takes long is never asked by the control core, which hears of it all the
// same; of the others as before.
static void slow_port(void **state)
{
	(void)state;
	slow_us[LAN] = 3000;
	assert_int_equal(port_stats_start(&gate), 0);
	assert_non_null(gate.reader);
	for (unsigned round = 1; round <= 5; round++) {
		lose(WAN, 1);
		lose(LAN, 10);
		wait_for_the_ports();
		asked = 0;
		gate.losses_read = 0;
		assert_int_equal(dp_punt_losses(&gate, WAN), round);
		assert_int_equal(dp_punt_losses(&gate, LAN), 10 * round);
		assert_int_equal(dp_punt_losses(&gate, SUB), 10 * round);
		assert_int_equal(asked, 1);
		if (round == 3)
			usleep(300000); // nobody asks for a while, and the reader dozes
	}
	port_stats_stop(&gate);
	assert_null(gate.reader);
}

// A device below that takes long makes its port one that the control core does not ask.
static void slow_device_below(void **state)
{
	struct netdev below = {.slow_us = 3000};

	(void)state;
	gate.ifaces[LAN].netdev = &below;
	assert_int_equal(port_stats_start(&gate), 0);
	assert_non_null(gate.reader);
	for (unsigned round = 1; round <= 3; round++) {
		__atomic_store_n(&below.lost, round, __ATOMIC_RELAXED);
		wait_for_the_ports();
		asked = 0;
		gate.losses_read = 0;
		assert_int_equal(dp_punt_losses(&gate, LAN), round);
		assert_int_equal(asked, 1); // WAN
	}
	port_stats_stop(&gate);
}

// The tick goes with the numbers: what cannot be read at the moment is not said to have been.
static void reader_has_the_lock(void **state)
{
	tick_t next;

	(void)state;
	slow_us[LAN] = 1000;
	assert_int_equal(port_stats_start(&gate), 0);
	wait_for_the_ports();
	locked = true;
	lose(LAN, 10);
	next = dp_now(&gate) + 1;
	usleep(60000);
	assert_int_equal(losses(LAN), 0);
	assert_true(tick_before(dp_punt_losses_until(&gate), next));
	locked = false;
	wait_for_the_ports();
	assert_int_equal(losses(LAN), 10);
	port_stats_stop(&gate);
}

// A host that does not answer its VF: the control core goes on, and knows that it does not know.
static void port_that_hangs(void **state)
{
	tick_t now;

	(void)state;
	slow_us[LAN] = 1000;
	sem_init(&hanging, 0, 0);
	sem_init(&goes_on, 0, 0);
	assert_int_equal(port_stats_start(&gate), 0);
	__atomic_store_n(&hangs, true, __ATOMIC_RELAXED);
	sem_wait(&hanging);
	now = dp_now(&gate) + 2;
	lose(WAN, 7);
	while (tick_before(dp_now(&gate), now + 5)) {
		assert_true(tick_before(dp_punt_losses_until(&gate), now));
		usleep(1000);
	}
	assert_int_equal(dp_punt_losses(&gate, WAN), 7);
	__atomic_store_n(&hangs, false, __ATOMIC_RELAXED);
	sem_post(&goes_on);
	wait_for_the_ports();
	port_stats_stop(&gate);
	sem_destroy(&hanging);
	sem_destroy(&goes_on);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, start, gate_stop)
#define CLOCKED(name) cmocka_unit_test_setup_teardown(name, start_with_clock, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_each_port),
		TEST(of_the_device_below),
		TEST(of_a_memif),
		TEST(of_a_memif_with_long_frames),
		TEST(how_many_slots),
		TEST(of_workers),
		TEST(never_fewer),
		TEST(once_a_tick),
		CLOCKED(all_ports_are_fast),
		CLOCKED(slow_port),
		CLOCKED(slow_device_below),
		CLOCKED(reader_has_the_lock),
		CLOCKED(port_that_hangs),
	};

	return cmocka_run_group_tests_name("losses", tests, eal_start, eal_stop);
}
