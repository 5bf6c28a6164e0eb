// What dataplane/ shares inside. struct dp is made before the workers start and freed after they
// have stopped; every field says who writes it in between.
#ifndef VIGIL_DATAPLANE_DP_INTERNAL_H
#define VIGIL_DATAPLANE_DP_INTERNAL_H

#include <pthread.h>
#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_timer.h>
#include <stdalign.h>

#include "api/dp.h"
#include "doorbell.h"
#include "fifo.h"
#include "reclaim.h"

#define DP_WORKERS_MAX 64u

struct worker;
struct routes;
struct adjacencies;
// The ESP half's tables.
struct sa_table;
struct foreign;
struct tunnel_table;
struct policy;
struct peer_words;

enum iface_flags {
	IFACE_UP = 1,
	IFACE_CRYPTO_MAP = 2,
	IFACE_DF_CLEAR = 4, // of outer headers; neither: copied
	IFACE_DF_SET = 8,
	IFACE_FRAGMENT_AFTER = 16, // encryption
};

enum iface6_kind {
	IFACE6_GLOBAL,
	IFACE6_LINK_LOCAL,
	IFACE6_UNIQUE_LOCAL, // RFC 4193
	IFACE6_KINDS,
};

// Control writes, workers read by iface6_address().
struct iface_address6 {
	uint32_t changes;                // odd while it is being changed
	uint64_t words[IFACE6_KINDS][2]; // the first address of each kind; 0 = none
};

// Index in dp->ifaces = interface number of the contract.
struct iface {
	// Constant while workers run.
	alignas(64) uint16_t port; // ethdev
	uint16_t n_rx, n_tx;
	uint16_t first_worker; // has queue 0 and drains control_ring
	int control_queue;     // TX queue of the control core, or -1: control_ring
	struct rte_ring *control_ring;
	struct rte_ether_addr mac;
	uint16_t mtu_device; // what the device takes; UINT16_MAX: it does not say
	uint16_t mtu_max;    // what buffers and the way of receiving allow
	bool rx_checksum;    // the port checks IPv4 header checksums
	bool asks_for_vlans; // no VLAN comes in that the port has not asked for
	bool queues_drop;    // a full queue drops, and that is counted by queue
	uint32_t ring_slots; // see memif_ring.h; 0 = it is none of net_memif
	char name[DP_NAME_MAX];
	uint8_t *rss_key; // NULL: the port does not spread by a hash that we know
	uint16_t rss_key_len;
	bool rss_esp; // native ESP is spread by its addresses
	uint16_t rss_reta_size;
	uint16_t *rss_reta;
	struct steer *steer;         // control alone; see steer.h
	struct multicast *multicast; // control alone; NULL: all of it comes in
	uint16_t main;               // the port's own interface; of a subinterface another one
	uint16_t vlan_id;            // of a subinterface
	uint16_t vlan;               // tag of what leaves by it, 0 = none
	bool sub, native;
	// Control writes (release), workers read: NULL = this port has no subinterfaces.
	struct vlan_table *vlans;
	// Control writes, workers read, each word for itself (relaxed): see iface_*() below.
	uint32_t flags;
	uint32_t mtu;
	uint32_t mss;     // see mss.h
	uint32_t address; // network order, 0 = none
	uint32_t mtu6;    // IPv6's, 0 = the same
	struct iface_address6 own6;
	// Control alone.
	struct dp_iface_config config;
	struct packet_sockets *sockets; // of a net_af_packet port, else NULL; see port_stats.c
	struct netdev *netdev;          // of one too, see netdev.h
	struct tap *tap;                // of a net_tap port, else NULL; see tap.h
	uint64_t control_drops;
	tick_t full_at; // when what the control core sends was last refused
	// A port's: how many went into control_ring, how many of them were out of it when some last
	// were, and when that was.
	uint32_t ring_sent, ring_taken;
	tick_t ring_moved;
	bool link_known, link_up;
	bool lost_said; // that its device is lost
	bool gone;      // a subinterface that was taken away
	tick_t gone_since;
};

struct dp_limits {
	uint32_t max_peers, max_tunnels, max_sas, max_ike_sas;
};

struct dp_clock {
	uint64_t base;          // TSC at start
	uint64_t hz;            // TSC cycles a second
	uint64_t cycles_a_tick; // hz / TICKS_PER_SECOND
};

struct dp {
	// Constant while workers run.
	struct log *log;
	struct dp_limits limits;
	struct dp_clock clock;
	unsigned n_workers, n_ports;
	unsigned n_ifaces; // ports and subinterfaces; control writes (release), it only grows
	struct worker *workers[DP_WORKERS_MAX];
	uint32_t mss_any;      // some interface has an MSS; control writes, workers read (relaxed)
	uint32_t ipv6_routing; // control writes, workers read (relaxed)
	struct iface ifaces[DP_IFACES_MAX];
	struct rte_mempool *pools[RTE_MAX_NUMA_NODES]; // packets; where ports are, else NULL
	struct rte_mempool *pool;                      // the first of them
	struct rte_mempool *pool_big; // packets that do not fit there: of fragments, of pieces
	uint16_t pool_mtu;            // longest MTU for which a packet of `pool` has room
	bool scatter;                 // ports deliver longer frames in pieces
	struct rte_ring **handoffs;   // [from * n_workers + to], single producer, single consumer
	bool idle_adaptive;
	uint64_t waiters;         // a bit for each worker that may sleep until it is rung for
	struct rte_rcu_qsbr *rcu; // tables; thread id = worker index; quiescent once a loop
	uint32_t *ike_tags;       // [max_ike_sas]; control writes, workers read (relaxed)
	struct routes *routes;
	struct adjacencies *adjacencies;
	struct lost *lost;    // networks; control replaces it (release), workers read
	uint32_t stop;        // control writes (release), workers read
	struct doorbell bell; // the control core's; workers ring

	// Control alone; on lines of its own, since workers read those above all the time.
	alignas(64) struct fifo waiting[DP_WORKERS_MAX]; // struct message, before the ring
	struct reclaim lost_before;                      // what may still be read
	struct fifo events;                              // struct dp_event of control's own making
	struct rte_mbuf *heads[DP_WORKERS_MAX][DP_PUNT_CLASSES]; // next view of each ring
	unsigned event_turn;                                     // worker to ask first
	struct rte_timer ticker;
	uint64_t ticker_cycles, ticker_due;
	void (*ticker_fn)(void *arg);
	void *ticker_arg;
	uint64_t losses[DP_PORTS_MAX], losses_all; // of input, by port, and of all ports
	tick_t losses_read, losses_until;
	struct stats_reader *reader; // of slow ports' counters; NULL = there are none
	tick_t links_read;
	uint32_t link_news; // a driver's thread sets it, control clears it
	// By ethdev; set for good, by a driver's thread or the control core.
	uint32_t ports_lost[RTE_MAX_ETHPORTS];
	pthread_t control_thread;
	int watched[DP_WATCHED_MAX]; // of helper threads
	unsigned n_watched;
	uint32_t ip_id;
	tick_t full_at;      // the newest full_at of all interfaces
	uint32_t echo_id;    // of our echoes, control writes, workers read; 0 = none were sent
	char eal_error[160]; // last complaint of EAL while starting

	// The ESP half's; each type says who writes what.
	alignas(64) struct sa_table *sas;
	struct foreign *foreign;
	struct tunnel_table *tunnels;
	struct policy *policy;
	struct peer_words *peers; // [max_peers]
	struct esp_control *esp;  // control alone
};

static inline uint32_t iface_word(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

// The longest IPv6 packet that leaves it in one piece.
static inline uint32_t iface_mtu6(const struct iface *i)
{
	uint32_t own = iface_word(&i->mtu6);

	return own ? own : iface_word(&i->mtu);
}

static inline bool iface_is_up(const struct iface *i)
{
	return iface_word(&i->flags) & IFACE_UP;
}

static inline bool iface_has_crypto_map(const struct iface *i)
{
	return iface_word(&i->flags) & IFACE_CRYPTO_MAP;
}

// [C] How often rings of a port that cannot say so may have been full, see memif_ring.h; 0 of all
// other ports.
uint64_t iface_rings_full(const struct dp *dp, uint16_t iface);

// The worker that has RX and TX queue `queue` of a port.
static inline unsigned iface_worker(const struct dp *dp, const struct iface *i, unsigned queue)
{
	return (i->first_worker + queue) % dp->n_workers;
}

// The TX queue that a worker would have; it has none if that is not below n_tx.
static inline unsigned iface_queue(const struct dp *dp, const struct iface *i, unsigned worker)
{
	return (worker + dp->n_workers - i->first_worker) % dp->n_workers;
}

// [W] The current tick of a TSC reading; [any].
static inline tick_t clock_tick(const struct dp_clock *c, uint64_t tsc)
{
	return (tick_t)((tsc - c->base) / c->cycles_a_tick) + TICKS_PER_SECOND;
}

// [C] dp_start() in two steps: everything but the workers' launch, then the launch. After a failed
// dp_prepare() nothing is left; after a failed dp_launch() dp_stop() ends it. Between the two a
// measurement may play the workers itself.
struct dp *dp_prepare(const struct dp_config *config, struct log *log, char *err, size_t err_size);
int dp_launch(struct dp *dp);

// [C] Queues an event of the control core's own making for dp_events(). 0 or -ENOMEM.
int dp_event_add(struct dp *dp, const struct dp_event *event);

// [C] The worker to which the ports bring packets from src to dst, as they arrive.
unsigned port_worker_for(const struct dp *dp, const struct ip_addr *src, const struct ip_addr *dst);

// ---- the ESP half, [C] ------------------------------------------------------------------------

// Tables, before worker_esp_init() and launch. 0 or -errno.
int control_init(struct dp *dp);
// After the workers have stopped: wipes keys, frees tables.
void control_fini(struct dp *dp);
// Every event that comes from a worker, before the control plane sees it. False: it stays inside.
bool control_event(struct dp *dp, struct dp_event *event);
// [C] Tells of the ends of SAs that there was no memory to tell of.
void control_retry(struct dp *dp);

#endif
