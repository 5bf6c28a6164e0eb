// A worker: one lcore that carries packets from ports to ports. [W] Everything here belongs to it
// alone unless a field says otherwise. No system call, log, allocation, lock or unbounded loop.
#ifndef VIGIL_DATAPLANE_WORKER_H
#define VIGIL_DATAPLANE_WORKER_H

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdalign.h>

#include "api/dp.h"
#include "dp_internal.h"
#include "drop.h"
#include "idle.h"
#include "memif_ring.h"
#include "message.h"
#include "packet.h"
#include "stats.h"

#define WORKER_BURST       64 // packets in one call of a stage, at most
#define WORKER_MESSAGES    64 // control messages a turn, at most
#define WORKER_MESSAGES_US 5  // ... and how long they may take; one is always taken
#define WORKER_MADE        128
#define WORKER_RXQ_MAX     128

struct adjacency_wait;
struct flow_cache;
struct flow_memo;
struct reassembly;
struct vlan_count;
struct worker_esp; // SAs' side of the worker: crypto managers, held packets

struct worker_rxq {
	uint16_t iface;
	uint16_t port;
	uint16_t queue;
	bool arm; // its interrupt is switched on before a sleep
	struct memif_ring ring;
};

// Packets that wait for the end of the turn, or for a full burst, on their way to a port.
struct worker_tx {
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t n;
	uint64_t dropped; // control reads
};

// Messages that may be sent now.
struct icmp_budget {
	uint32_t tokens;
	tick_t filled;
};

struct worker {
	struct dp *dp;
	uint16_t index;
	uint16_t n_rxqs;
	tick_t now;              // of this turn
	uint64_t tsc;            // the same, in TSC cycles
	uint64_t message_cycles; // WORKER_MESSAGES_US
	bool rx_behind;          // a port may hold more than this turn took
	bool long_way;           // tests: no packet goes a short way
	uint32_t kinds;          // a bit for each kind among what classify or esp_in returned
	struct worker_rxq rxqs[WORKER_RXQ_MAX];
	struct rte_ring *messages; // control writes, worker reads: struct message
	struct rte_ring *events;   // worker writes, control reads: struct dp_event
	struct rte_ring *punt[DP_PUNT_CLASSES];
	struct punt_share *shares;          // who filled them how much lately
	struct rte_mbuf *made[WORKER_MADE]; // made by this worker this turn, to be forwarded
	uint16_t n_made;
	uint64_t handed; // a bit for each worker that was handed packets this turn
	bool told;       // the control core was told something this turn
	// Of ICMP errors; those that tell a size are what path MTU discovery lives on.
	struct icmp_budget icmp, icmp_sizes;
	uint32_t ip_id;
	uint32_t echo_told; // answers in tick echo_filled
	tick_t echo_filled;
	struct adjacency_wait *waits;
	unsigned n_waits; // of those that hold packets
	struct reassembly *reassembly;
	struct worker_esp *esp;
	struct worker_tx tx[DP_IFACES_MAX];
	struct worker_tx kept[DP_IFACES_MAX]; // of the control core, by port; see tx_keep()
	struct vlan_count *vlans;             // [DP_IFACES_MAX]
	struct flow_cache *flows;             // what policy said last
	struct flow_memo *memo;               // where packets of flows went last
	struct stats stats;
	struct idle idle;
	alignas(64) uint64_t counters[COUNTERS]; // control reads, relaxed: each stands for itself
	alignas(64) uint32_t horizon; // worker writes (release), control reads: dp_punt_horizon()
	uint32_t started;
};

// A counter with one writer: no lock prefix, no torn value.
static inline void worker_count_n(struct worker *w, enum counter counter, uint64_t n)
{
	uint64_t *word = &w->counters[counter];

	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
}

static inline void worker_count(struct worker *w, enum counter counter)
{
	worker_count_n(w, counter, 1);
}

// Counts and frees.
static inline void worker_drop(struct worker *w, struct rte_mbuf *m, enum counter reason)
{
	worker_count(w, reason);
	rte_pktmbuf_free(m);
}

// Tells the control core. False: the ring is full; whoever raises it stays armed and raises it
// again, so that no event is lost for ever.
static inline bool worker_event(struct worker *w, const struct dp_event *event)
{
	w->told = true;
	if (rte_ring_sp_enqueue_elem(w->events, (void *)(uintptr_t)event, sizeof(*event)) == 0)
		return true;
	worker_count(w, COUNT_EVENT_LATE);
	return false;
}

// Hands a packet that this worker has made, or turned round, to forward at the end of the turn.
// Takes it in any case.
static inline void worker_forward_later(struct worker *w, struct rte_mbuf *m)
{
	if (w->n_made == WORKER_MADE)
		worker_drop(w, m, DROP_MADE_FULL);
	else
		w->made[w->n_made++] = m;
}

// One turn of the loop; returns how many packets and messages it handled. For worker_loop(), and
// for a measurement that plays the loop itself.
unsigned worker_turn(struct worker *w);
// Runs on each worker lcore until dp->stop; arg is the worker.
int worker_loop(void *arg);

// IP packets (PACKET_ROUTE): where they go, through a tunnel if need be, and out. Takes them.
void worker_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

// ---- stages ----------------------------------------------------------------------------------
//
// uint16_t stage(w, pkts, n): n is at most WORKER_BURST; the k packets that go on stay in front, k
// is returned; the others were counted and freed, or taken (handed off, held, punted, sent).

// Ethernet frames from a port's interface or its subinterfaces -> IP packets with kind set, the
// worker's kinds too. Punts ARP, neighbour discovery and IKE.
uint16_t classify(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);
// Fragments to the gateway's own addresses, whichever worker got them -> whole packets, classified.
uint16_t reassemble(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Packets -> out and next_hop set; delivers what is for the gateway itself. Those for which the
// interface's crypto map decides go to `mapped`; the others stay in front, their number is
// returned.
uint16_t forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **mapped,
                 uint16_t *n_mapped);
// Routed packets on their way out; takes them all. The three stages that follow, in one pass for
// the packets that need little.
void egress(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Routed packets -> none longer than its interface's MTU. Sends the fragments that it makes.
uint16_t fragment(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Routed packets -> Ethernet frames. Holds packets for neighbours that are not known yet.
uint16_t adjacency(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Ethernet frames, packet.out says where to; takes them all.
void tx(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Frames of one interface, on which this worker has a queue.
void tx_frames(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);
// Sends what waits for this interface; this worker has a queue there.
void tx_send(struct worker *w, uint16_t iface);
// What is gathered for the port of an interface by now is the control core's: what the port does
// not take is not dropped, but sent before what comes in during the turns to come, for ten seconds
// at most. So the control core hears that its ring is full instead of losing probes, and no peer
// dies of a busy port.
void tx_keep(struct worker *w, uint16_t iface);
// Sends what is kept. False: the port does not take all of it yet.
bool tx_send_kept(struct worker *w, uint16_t iface);
void tx_flush(struct worker *w);
// Packet for the gateway itself (classify found kind and ihl); takes it.
void local(struct worker *w, struct rte_mbuf *m);
// Hands it to the stage that packet.kind says, of worker `to`. Takes it; full ring, or more than
// PACKET_HOPS_MAX handoffs: counted and freed.
void handoff_send(struct worker *w, unsigned to, struct rte_mbuf *m, enum packet_kind kind);
// Sends an ICMP error (RFC 792) about m to its source, if the rules (RFC 1812, 4.3.2.7) and the
// rate limit allow. `info` is the second word (MTU), host order. m stays the caller's and is
// unchanged.
void icmp_error(struct worker *w, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info);

// ---- stages of IPv6 packets, as those above ---------------------------------------------------

uint16_t forward6(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **mapped,
                  uint16_t *n_mapped);
void egress6(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t fragment6(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t reassemble6(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t policy_in_clear6(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t policy_out6(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **tunnel,
                     uint16_t *n_tunnel);
void local6(struct worker *w, struct rte_mbuf *m);

// ---- the ESP half ----------------------------------------------------------------------------

// Before launch, on the control core. 0 or -errno.
int worker_esp_init(struct worker *w);
void worker_esp_fini(struct worker *w);
// One message of kind MESSAGE_ESP or above.
void sa_messages(struct worker *w, const struct message *msg);
// Once a tick: raises again what found no room, drops held packets that are too old.
void worker_esp_tick(struct worker *w);

// ESP to the gateway (kind PACKET_ESP or PACKET_ESP6, data begins with the outer IP header,
// `payload` says where ESP does), of any owner: those of other workers are handed off. Returns
// decrypted inner packets of either family: data begins with the inner IP header and ends where
// that says, kind is PACKET_ROUTE (packet_check_ipv4() holds) or PACKET_ROUTE6, PACKET_DECRYPTED
// and sa set, hop = PACKET_NO_HOP.
uint16_t esp_in(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Plain packets that came in clear on an interface with a crypto map (packet.in). Drops those that
// match a mirrored permit.
uint16_t policy_in_clear(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Routed packets about to leave an interface with a crypto map (packet.out). Those that a flow
// protects go to `tunnel`, packet.tunnel set; those that leave in clear stay in front, their number
// is returned.
uint16_t policy_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **tunnel,
                    uint16_t *n_tunnel);
// Packets with tunnel set, of any owner: those of other workers are handed off with PACKET_TUNNEL;
// those without an SA are held (tunnel_hold). Returns outer packets of either family (PACKET_ROUTE,
// header checksum right and ihl set, or PACKET_ROUTE6), PACKET_MADE | PACKET_NO_POLICY and hop set;
// also out and the next hop, unless out is PACKET_NO_IFACE: then forward must say what becomes of
// them.
uint16_t esp_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
// Once a turn, after its messages: packets that came before their flow's TUNNEL_ADD are released.
void tunnel_try_early(struct worker *w);
// After a message gave a flow its SA: the packets that were held, at most `max`, with tunnel set.
// Called until it returns 0, at most a bounded number of times a turn.
uint16_t tunnel_released(struct worker *w, struct rte_mbuf **pkts, uint16_t max);

#endif
