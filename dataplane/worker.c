// The life of a packet, top to bottom. [W] One turn: messages, what the control core sends, what
// the ports and the other workers bring, what this worker made, dummy packets; then the ports'
// buffers go out and the worker says that it holds no pointer into a shared table.
#include "worker.h"

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <sys/prctl.h>

#include "adjacency.h"
#include "esp.h"
#include "express.h"
#include "handoff.h"
#include "mss.h"
#include "reassemble.h"
#include "split.h"

// Less than a full burst, which would be sent at once.
#define CONTROL_BURST (WORKER_BURST / 2)
#define TIMER_SLACK   1000UL // ns; the kernel's default would more than double a nap

static void route6(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
static void dispatch(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
static void dispatch_kinds(struct worker *w, uint32_t kinds, struct rte_mbuf **pkts, uint16_t n);

static void leave(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	egress(w, pkts, n);
	stats_stage(&w->stats, DP_STAGE_EGRESS, n);
}

static void leave6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	egress6(w, pkts, n);
	stats_stage(&w->stats, DP_STAGE_EGRESS, n);
}

// Moves the packets of a kind to `out`; the others stay in front.
static uint16_t take(struct rte_mbuf **pkts, uint16_t *n, struct rte_mbuf **out,
                     enum packet_kind kind)
{
	uint16_t kept = 0, taken = 0;

	for (uint16_t i = 0; i < *n; i++) {
		if (packet_of(pkts[i])->kind == kind)
			out[taken++] = pkts[i];
		else
			pkts[kept++] = pkts[i];
	}
	*n = kept;
	return taken;
}

// Outer packets of both families, or of IPv6 alone.
static void send_outer6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *six[WORKER_BURST];
	uint16_t n_six = take(pkts, &n, six, PACKET_ROUTE6);

	if (w->esp->astray) {
		worker_route(w, pkts, n);
		route6(w, six, n_six);
	} else {
		leave(w, pkts, n);
		leave6(w, six, n_six);
	}
}

// Outer packets, which know their way unless their SA has none at the moment. They are this
// gateway's own: no crypto map applies to them.
static void send_outer(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(w->esp->some_ipv6))
		send_outer6(w, pkts, n);
	else if (unlikely(w->esp->astray))
		worker_route(w, pkts, n);
	else
		leave(w, pkts, n);
}

static void encrypt(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *parts[WORKER_BURST];

	n = esp_out(w, pkts, n);
	stats_stage(&w->stats, DP_STAGE_ESP_OUT, 0);
	send_outer(w, pkts, n);
	while ((n = split_parts(w, parts))) { // of packets that were too long
		n = esp_out(w, parts, n);
		stats_stage(&w->stats, DP_STAGE_ESP_OUT, 0);
		send_outer(w, parts, n);
	}
}

static void protect(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *tunnel[WORKER_BURST];
	uint16_t n_tunnel;

	n = policy_out(w, pkts, n, tunnel, &n_tunnel);
	stats_stage(&w->stats, DP_STAGE_POLICY, n + n_tunnel);
	encrypt(w, tunnel, n_tunnel);
	leave(w, pkts, n);
}

void worker_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *mapped[WORKER_BURST];
	uint16_t n_mapped;

	if (n == 0)
		return;
	n = forward(w, pkts, n, mapped, &n_mapped);
	mss_clamp(w, pkts, n);
	mss_clamp(w, mapped, n_mapped);
	stats_stage(&w->stats, DP_STAGE_FORWARD, n + n_mapped);
	if (n_mapped)
		protect(w, mapped, n_mapped);
	leave(w, pkts, n);
}

static void protect6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *tunnel[WORKER_BURST];
	uint16_t n_tunnel;

	n = policy_out6(w, pkts, n, tunnel, &n_tunnel);
	stats_stage(&w->stats, DP_STAGE_POLICY, n + n_tunnel);
	encrypt(w, tunnel, n_tunnel);
	leave6(w, pkts, n);
}

static void route6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *mapped[WORKER_BURST];
	uint16_t n_mapped;

	if (n == 0)
		return;
	n = forward6(w, pkts, n, mapped, &n_mapped);
	mss_clamp(w, pkts, n);
	mss_clamp(w, mapped, n_mapped);
	stats_stage(&w->stats, DP_STAGE_FORWARD, n + n_mapped);
	if (n_mapped)
		protect6(w, mapped, n_mapped);
	leave6(w, pkts, n);
}

// Packets of one kind, by the stage that takes them.
static void dispatch_kind(struct worker *w, enum packet_kind kind, struct rte_mbuf **pkts,
                          uint16_t n)
{
	switch (kind) {
	case PACKET_FRAME:
		tx(w, pkts, n);
		break;
	case PACKET_FRAGMENT: // whole again it is of another kind
		n = reassemble(w, pkts, n);
		stats_stage(&w->stats, DP_STAGE_REASSEMBLE, n);
		dispatch(w, pkts, n);
		break;
	case PACKET_TUNNEL:
		encrypt(w, pkts, n);
		break;
	case PACKET_ESP:
	case PACKET_ESP6:
		w->kinds = 0;
		n = esp_in(w, pkts, n);
		stats_stage(&w->stats, DP_STAGE_ESP_IN, 0);
		dispatch_kinds(w, w->kinds, pkts, n);
		break;
	case PACKET_PLAIN:
		n = policy_in_clear(w, pkts, n);
		stats_stage(&w->stats, DP_STAGE_POLICY, n);
		worker_route(w, pkts, n);
		break;
	case PACKET_ROUTE6:
		route6(w, pkts, n);
		break;
	case PACKET_PLAIN6:
		n = policy_in_clear6(w, pkts, n);
		stats_stage(&w->stats, DP_STAGE_POLICY, n);
		route6(w, pkts, n);
		break;
	case PACKET_FRAGMENT6:
		n = reassemble6(w, pkts, n);
		stats_stage(&w->stats, DP_STAGE_REASSEMBLE, n);
		dispatch(w, pkts, n);
		break;
	case PACKET_ROUTE:
		worker_route(w, pkts, n);
		break;
	}
}

// IP packets and frames of these kinds (a bit each), from wherever they come. Nearly always they
// are of one.
static void dispatch_kinds(struct worker *w, uint32_t kinds, struct rte_mbuf **pkts, uint16_t n)
{
	while (kinds) {
		enum packet_kind kind = (enum packet_kind)__builtin_ctz(kinds);
		struct rte_mbuf *some[WORKER_BURST];
		uint16_t k;

		kinds &= kinds - 1;
		if (!kinds) { // the last, or the only one
			dispatch_kind(w, kind, pkts, n);
			return;
		}
		k = take(pkts, &n, some, kind);
		dispatch_kind(w, kind, some, k);
	}
}

static void dispatch(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t kinds = 0;

	for (uint16_t i = 0; i < n; i++)
		kinds |= 1u << packet_of(pkts[i])->kind;
	dispatch_kinds(w, kinds, pkts, n);
}

// What came in on a port: the packets in front that may, go a short way.
static void port_in(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	const struct iface *in = &w->dp->ifaces[iface];
	uint16_t taken = 0;

	if (unlikely(w->long_way || __atomic_load_n(&in->vlans, __ATOMIC_RELAXED)))
		;
	else if (iface_has_crypto_map(in))
		taken = express_in(w, iface, pkts, n);
	else
		taken = express_out(w, iface, pkts, n);
	worker_count_n(w, COUNT_EXPRESS, taken);
	if (taken == n)
		return;
	pkts += taken;
	n = classify(w, iface, pkts, (uint16_t)(n - taken));
	stats_stage(&w->stats, DP_STAGE_CLASSIFY, n);
	dispatch_kinds(w, w->kinds, pkts, n);
}

static unsigned rx_ports(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	unsigned total = 0;

	for (unsigned i = 0; i < w->n_rxqs; i++) {
		struct worker_rxq *q = &w->rxqs[i];
		uint16_t n = rte_eth_rx_burst(q->port, q->queue, pkts, WORKER_BURST);

		stats_burst(&w->stats, n);
		stats_stage(&w->stats, DP_STAGE_RX, n);
		if (q->ring.slots)
			memif_ring_took(&q->ring, pkts, n, WORKER_BURST);
		if (n == 0)
			continue;
		w->rx_behind |= n == WORKER_BURST;
		total += n;
		port_in(w, q->iface, pkts, n);
	}
	return total;
}

// From the control core: its frames go out before anything that comes in this turn, only behind
// what messages have set free (TUNNEL_HOLD_WORKER packets at most), and wait in their ring while
// the port does not take them.
static unsigned rx_control(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	unsigned total = 0;

	for (unsigned i = 0; i < w->dp->n_ports; i++) {
		const struct iface *iface = &w->dp->ifaces[i];
		unsigned n;

		if (iface->first_worker != w->index || !tx_send_kept(w, (uint16_t)i))
			continue;
		n = rte_ring_sc_dequeue_burst(iface->control_ring, (void **)pkts, CONTROL_BURST,
		                              NULL);
		if (n == 0)
			continue;
		tx_flush(w); // what messages have set free is not the control core's
		dispatch(w, pkts, (uint16_t)n);
		tx_keep(w, (uint16_t)i);
		total += n;
	}
	return total;
}

static unsigned rx_workers(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	unsigned total = 0;

	for (unsigned from = 0; from < w->dp->n_workers; from++) {
		uint16_t n = handoff_recv(w, from, pkts, WORKER_BURST);

		stats_stage(&w->stats, DP_STAGE_HANDOFF, n);
		w->rx_behind |= n == WORKER_BURST;
		dispatch(w, pkts, n);
		total += n;
	}
	return total;
}

// What this worker made while it looked at the rest: echo replies, ICMP errors, fragments of what
// came out of a tunnel. One more round at most; what that makes waits for the next turn.
static unsigned rx_made(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t n = RTE_MIN(w->n_made, WORKER_BURST);

	if (likely(n == 0))
		return 0;
	memcpy(pkts, w->made, n * sizeof(*pkts));
	w->n_made -= n;
	memmove(w->made, w->made + n, w->n_made * sizeof(*pkts));
	stats_stage(&w->stats, DP_STAGE_MADE, n);
	dispatch(w, pkts, n);
	return n;
}

static void message_in(struct worker *w, const struct message *msg)
{
	struct adjacency_key key;

	switch (msg->kind) {
	case MESSAGE_NEIGHBOUR:
		key = adjacency_key6(msg->iface, msg->addr6);
		adjacency_release(w, &key);
		break;
	case MESSAGE_NEIGHBOUR_GONE:
		key = adjacency_key6(msg->iface, msg->addr6);
		adjacency_give_up(w, &key);
		break;
	default:
		sa_messages(w, msg);
	}
}

static unsigned messages(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	struct message msg;
	unsigned n = 0;
	uint16_t k;

	while (n < WORKER_MESSAGES &&
	       rte_ring_sc_dequeue_elem(w->messages, &msg, sizeof(msg)) == 0) {
		message_in(w, &msg);
		n++;
		// However many tunnels come and go, the ports are not kept waiting.
		if (rte_rdtsc() - w->tsc > w->message_cycles)
			break;
	}
	stats_stage(&w->stats, DP_STAGE_MESSAGES, n);
	// All of them: what comes in this turn must not overtake what has waited.
	tunnel_try_early(w);
	while ((k = tunnel_released(w, pkts, WORKER_BURST))) {
		encrypt(w, pkts, k);
		n += k;
	}
	return n;
}

// Dummy packets that are due (RFC 4303 2.6).
static unsigned dummies(struct worker *w)
{
	struct rte_mbuf *pkts[DUMMY_BURST];
	uint16_t n;

	if (likely(w->esp->dummies.n == 0))
		return 0;
	n = dummy_packets(w, pkts);
	stats_stage(&w->stats, DP_STAGE_ENCRYPT, n);
	send_outer(w, pkts, n);
	return n + dummy_behind(w);
}

static void clock_in(struct worker *w)
{
	tick_t before = w->now;

	w->tsc = rte_rdtsc();
	stats_turn(&w->stats, w->tsc);
	w->now = clock_tick(&w->dp->clock, w->tsc);
	if (w->now == before)
		return;
	adjacency_tick(w);
	reassemble_tick(w);
	worker_esp_tick(w);
}

unsigned worker_turn(struct worker *w)
{
	unsigned work;

	clock_in(w);
	w->rx_behind = false;
	work = messages(w);
	work += rx_control(w);
	work += rx_ports(w);
	work += rx_workers(w);
	work += rx_made(w);
	work += dummies(w);
	tx_flush(w);
	if (unlikely(w->handed || w->told))
		idle_ring_all(w);
	rte_rcu_qsbr_quiescent(w->dp->rcu, w->index);
	// Release: what came in before this turn's tick is in the punt rings by now.
	if (!w->rx_behind)
		__atomic_store_n(&w->horizon, w->now, __ATOMIC_RELEASE);
	stats_turn_end(&w->stats, work);
	return work;
}

#define LAST_TURNS 128u // of a full ring

int worker_loop(void *arg)
{
	struct worker *w = arg;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK);
	stats_init(&w->stats);
	rte_rcu_qsbr_thread_online(w->dp->rcu, w->index);
	// Acquire: everything that was made before launch; release on the other side.
	while (!__atomic_load_n(&w->dp->stop, __ATOMIC_ACQUIRE))
		idle_turn(w, worker_turn(w));
	// What the control core sent before it said so still leaves.
	for (unsigned i = 0; i < LAST_TURNS && worker_turn(w); i++)
		;
	rte_rcu_qsbr_thread_offline(w->dp->rcu, w->index);
	return 0;
}
