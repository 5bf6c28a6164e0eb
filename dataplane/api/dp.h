// The contract between control plane and dataplane. Everything here never blocks and never waits
// for a worker, and is called on the control core only, but for dp_counter(), dp_worker_stats(),
// dp_version() and what names things, which any thread may call. Plain values in, plain values out:
// handles and indices cross, pointers do not. tests/unit/controlplane/fake_dp.c implements it
// without DPDK.
#ifndef VIGIL_DATAPLANE_DP_H
#define VIGIL_DATAPLANE_DP_H

#include "sa_spec.h"
#include "types.h"

struct dp;
struct log;

#define DP_NAME_MAX   32
#define DP_DEVICE_MAX 192
#define DP_PORTS_MAX  32
#define DP_IFACES_MAX 256 // ports and subinterfaces
#define DP_VLAN_MAX   4094
#define DP_NO_PEER    UINT32_MAX

// ---- start and stop ------------------------------------------------------------------------

struct dp_port_config {
	char name[DP_NAME_MAX];     // as the configuration calls the interface
	char device[DP_DEVICE_MAX]; // PCI address, or vdev name and arguments
	uint16_t rx_queues;         // 0 = one for each worker; a port may have fewer
	bool vlans;                 // will have subinterfaces: the port may take tags off by itself
	uint16_t mtu; // longest that it will be asked for; 0 = the usual 1500. Sizes its buffers
};

struct dp_config {
	const struct dp_port_config *ports;
	unsigned n_ports;
	const unsigned *worker_cpus; // one worker each; a CPU may be named more than once
	unsigned n_workers;
	unsigned control_cpu;
	unsigned memory_mb;
	bool hugepages;
	bool idle_adaptive; // workers and the control core sleep when idle
	// Table sizes. Indices given to the functions below are smaller than these.
	uint32_t max_peers;
	uint32_t max_tunnels;
	uint32_t max_sas;     // inbound and outbound together
	uint32_t max_ike_sas; // slots of dp_ike_mark()
};

// Starts EAL, ports and workers; the caller becomes the control core. On failure returns NULL with
// errno and a text for a person in err.
struct dp *dp_start(const struct dp_config *config, struct log *log, char *err, size_t err_size);
// Stops the workers, closes the ports, wipes all keys.
void dp_stop(struct dp *dp);

// ---- time ----------------------------------------------------------------------------------

// The current tick and microseconds, from one time base for all cores; read afresh at every call.
tick_t dp_now(const struct dp *dp);
uint64_t dp_now_us(const struct dp *dp);
// fn runs on the control core, from dp_timers_run(), every period_ms (an rte_timer), first in the
// middle of a tick: by then sleeping workers have said what they heard before it. 0 or -errno.
int dp_ticker_start(struct dp *dp, unsigned period_ms, void (*fn)(void *arg), void *arg);
// Runs what is due of those, and sends what waited for room in the workers' rings.
void dp_timers_run(struct dp *dp);
// Gives the CPU away for at most max_us, until a worker has something for the control core, a
// watched eventfd is written to or the ticker is due; returns at once in poll mode. Never longer
// than a tick.
void dp_control_idle(struct dp *dp, unsigned max_us);
// dp_control_idle() ends when this eventfd (non-blocking, a helper thread's) is written to, and
// reads it. 0, -ENOSPC: there are DP_WATCHED_MAX.
#define DP_WATCHED_MAX 4
int dp_control_watch(struct dp *dp, int fd);
// The eventfd will be closed.
void dp_control_unwatch(struct dp *dp, int fd);

// ---- packets for the control core ----------------------------------------------------------

enum dp_punt {
	DP_PUNT_IKE_ESTABLISHED, // carries a cookie or SPI that dp_ike_mark() published
	DP_PUNT_IKE_NEW,         // every other IKE message
	DP_PUNT_FRAME,           // ARP, ND, MLD queries: whole Ethernet frames
	DP_PUNT_CLASSES,
};

// A packet seen in place. For IKE: data is the ISAKMP message, the non-ESP marker taken off.
struct dp_view {
	const uint8_t *data;
	uint16_t len;
	uint16_t iface;
	tick_t arrived;
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	bool marker; // came with the non-ESP marker (RFC 3948, 2.2)
	void *owner; // the dataplane's
};

// At most `max` views of one class, oldest first. Each must be released.
unsigned dp_punt_recv(struct dp *dp, enum dp_punt class, struct dp_view *views, unsigned max);
void dp_punt_release(struct dp *dp, struct dp_view *views, unsigned n);
// All that reached a port before this tick has been put into the punt rings or dropped and counted.
tick_t dp_punt_horizon(const struct dp *dp);
// Packets lost before the control plane could hear them: by the workers (a full ring of known IKE
// SAs' messages, no buffers), and by the port of this interface (missed, no buffers), or all ports
// with DP_ALL_IFACES. Of net_memif, where nobody knows, each time that its ring may have been full
// counts as one. The sum of an interface only ever grows. Ports that answer at once are
// asked once a tick, slow ones by a thread: dp_punt_losses_until().
#define DP_ALL_IFACES UINT16_MAX
uint64_t dp_punt_losses(const struct dp *dp, uint16_t iface);
// What was lost before this tick has been counted. Some ports are slow to tell: they are asked
// again and again while this is.
tick_t dp_punt_losses_until(const struct dp *dp);

struct dp_datagram {
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	bool marker; // put the non-ESP marker in front
	const uint8_t *data;
	uint16_t len;
};

// Sends one UDP datagram from a gateway address, never through a crypto map. Fragments it to the
// MTU. 0, -EHOSTUNREACH (no route), -EAGAIN (queue full, or it does not move), -EMSGSIZE.
int dp_datagram_send(struct dp *dp, const struct dp_datagram *d);
// Whether dp_datagram_send() to `dst` would most likely be refused for a full queue, since the
// interface has refused something within this tick: spares making the message.
bool dp_way_is_full(const struct dp *dp, const struct ip_addr *dst);

struct dp_echo {
	struct ip_addr src, dst; // of one family; src is the gateway's own
	uint16_t sequence;
	uint16_t size; // of the whole packet
	bool df;       // IPv4
};

// Sends an ICMP echo request, which passes routes and crypto maps like any packet; its answer is
// told by DP_EVENT_ECHO. 0, -EHOSTUNREACH (no route), -EAGAIN (queue full), -EMSGSIZE
// (or its answer would come in more pieces than are put together), -EAFNOSUPPORT.
int dp_echo_send(struct dp *dp, const struct dp_echo *echo);
// Sends one Ethernet frame as it is. 0, -EINVAL, -EMSGSIZE, -ENETDOWN, -EAGAIN (queue full).
int dp_frame_send(struct dp *dp, uint16_t iface, const uint8_t *frame, uint16_t len);

// Publishes (or withdraws, tag 0) that IKE SA slot `slot` is in use under a random tag. An ISAKMP
// cookie or IKEv2 SPI of our own making is {slot, tag}, each 32 bits in network order, so that
// workers and the control plane find an IKE SA without a search.
void dp_ike_mark(struct dp *dp, uint32_t slot, uint32_t tag);

// ---- events --------------------------------------------------------------------------------

enum dp_event_kind {
	DP_EVENT_ACQUIRE,     // tunnel: no SA for a packet; each half minute until answered
	DP_EVENT_DOUBT,       // tunnel: traffic out, nothing in for doubt_after; see dp_peer_watch
	DP_EVENT_SA_GONE,     // sa: no worker knows it any more, its keys are wiped
	DP_EVENT_SA_SOFT,     // sa: a soft lifetime in bytes or packets has passed
	DP_EVENT_SA_HARD,     // sa: hard lifetime or sequence numbers used up; it stopped
	DP_EVENT_SA_MOVED,    // sa (inbound): authentic packet from another address or port
	DP_EVENT_INVALID_SPI, // addr (source), local, spi, port (0: native): ESP for an SPI that
	                      // nobody has
	DP_EVENT_PATH_MTU, // addr (peer), local, spi, port (0: native), mtu: an ICMP error quotes
	                   // it
	DP_EVENT_ECHO,     // addr (who answers), local, port (sequence): of dp_echo_send()
	DP_EVENT_LINK,     // iface (a port's), up: its link changed, or was looked at first
	DP_EVENT_NEIGHBOUR_WANTED, // iface, addr: a packet waits for this next hop
};

struct dp_event {
	enum dp_event_kind kind;
	struct handle sa;
	struct handle tunnel;
	uint16_t iface;
	uint16_t port;
	uint32_t spi;
	uint16_t mtu;
	bool up;
	struct ip_addr addr;
	struct ip_addr local;
};

// At most `max` events, the control core's own first; returns how many. To be called once a turn:
// what waited for room in the workers' rings is sent here too, and links are looked at now and
// then.
unsigned dp_events(struct dp *dp, struct dp_event *events, unsigned max);

// ---- peers: words that both sides read -----------------------------------------------------

// Peer indices are the control plane's, below max_peers. From now on a worker that sends traffic
// on a tunnel of this peer while nothing came in (inbound SA of the tunnel, dp_peer_heard) for
// doubt_after ticks raises one DP_EVENT_DOUBT; 0 = never.
void dp_peer_watch(struct dp *dp, uint32_t peer, tick_t doubt_after);
// Proof of life other than ESP was seen at `when`.
void dp_peer_heard(struct dp *dp, uint32_t peer, tick_t when);

// ---- tunnels (flows) -----------------------------------------------------------------------

struct dp_tunnel_spec {
	uint16_t iface; // egress interface, the one with the crypto map
	struct selector selector;
	uint32_t peer; // index, or DP_NO_PEER while none is chosen
};

// 0, -EINVAL (no such interface), -ENOSPC (max_tunnels), -ENOMEM.
int dp_tunnel_add(struct dp *dp, const struct dp_tunnel_spec *spec, struct handle *tunnel);
// Drops what it holds. Its SAs must have been deleted (dp_sa_del) before or in the same turn.
void dp_tunnel_del(struct dp *dp, struct handle tunnel);
// From now on its traffic is this peer's; a DOUBT of the one before is answered.
void dp_tunnel_set_peer(struct dp *dp, struct handle tunnel, uint32_t peer);
// Encrypt with this outbound SA from now on; held packets go out. A null handle: hold, and ask.
void dp_tunnel_use(struct dp *dp, struct handle tunnel, struct handle out_sa);
// Answers an ACQUIRE with no: what is held is dropped, the next packet may ask again.
void dp_tunnel_refuse(struct dp *dp, struct handle tunnel);
// Answers a DOUBT: the next doubt may be raised.
void dp_tunnel_doubt_ack(struct dp *dp, struct handle tunnel);
// When the last packet wanted to go out through it, with or without an SA. False: never.
bool dp_tunnel_last_out(const struct dp *dp, struct handle tunnel, tick_t *when);

// ---- security associations -----------------------------------------------------------------

// The largest max_sas with so many workers: an SPI names a worker and a slot.
uint32_t dp_sas_most(unsigned workers);
// Takes a free inbound slot and its SPI (host order). Where the port steers by SPI the worker with
// the fewest owns it, elsewhere the one to which RSS brings packets from remote to local. 0,
// -ENOSPC, -ENOMEM.
int dp_sa_reserve(struct dp *dp, const struct ip_addr *local, const struct ip_addr *remote,
                  struct handle *sa, uint32_t *spi);
// Is it the SPI of an inbound SA that dp_sa_reserve() made and that has not gone yet?
bool dp_spi_is_known(const struct dp *dp, uint32_t spi);
// Makes a reserved inbound SA live. 0, -EINVAL (algorithms or key length; families that do not go
// together; transport mode not between its two ends), -ENOMEM.
int dp_sa_add_in(struct dp *dp, struct handle sa, const struct sa_spec *spec, struct handle tunnel);
// Makes an inbound SA live under an SPI that somebody else chose (spec->spi, 256 to 2^31 - 1):
// manual keys. RSS says whose it is, since no SPI of ours steers it. 0, -EEXIST (spec->local
// receives this SPI already), -ENOSPC, and the errors of dp_sa_add_in().
int dp_sa_import(struct dp *dp, const struct sa_spec *spec, struct handle tunnel,
                 struct handle *sa);
// Makes an outbound SA; traffic uses it from dp_tunnel_use() on. `in` is the inbound SA whose
// activity answers for it. 0, -ENOSPC (max_sas), and the errors of dp_sa_add_in(); -EINVAL also of
// a tunnel that has gone.
int dp_sa_add_out(struct dp *dp, const struct sa_spec *spec, struct handle tunnel, struct handle in,
                  struct handle *sa);
// Deletes SAs of either direction, live or only reserved; each ends in one DP_EVENT_SA_GONE. A
// tunnel that uses one of them has none from then on. Null and stale handles are skipped.
void dp_sa_del(struct dp *dp, const struct handle *sas, unsigned n);
// The peer's authenticated address or port has changed (RFC 3947, 4): send there.
void dp_sa_move(struct dp *dp, struct handle out_sa, const struct ip_addr *remote, uint16_t port);
// Where the peer was when the inbound SA last heard it does not count any more: its next packet in
// UDP is told as from a new place (DP_EVENT_SA_MOVED).
void dp_sa_forget_place(struct dp *dp, struct handle in_sa);
// The longest outer packet that the path takes, learned from outside; 0 = not known: the egress
// interface's MTU alone.
void dp_sa_path_mtu(struct dp *dp, struct handle out_sa, uint16_t mtu);
// When the last packet that passed replay check and ICV came in. False: none yet, or this SA
// proves nothing (no replay protection).
bool dp_sa_last_in(const struct dp *dp, struct handle in_sa, tick_t *when);
// dp_sa_last_in() of this SA will be asked for soon.
void dp_sa_peek(const struct dp *dp, struct handle in_sa);

struct dp_sa_stats {
	uint64_t packets, bytes; // encrypted or decrypted; bytes of the inner packets
	uint64_t auth_failed, replayed, bad_selector, other_drops;
	uint64_t sequence;      // last sent, or highest received
	uint32_t replay_window; // packets, of an inbound one; 0 = no protection
	unsigned owner;         // worker
	tick_t last;            // packet, in its direction; 0 = none yet
};
// Zeros for a stale handle.
void dp_sa_stats(const struct dp *dp, struct handle sa, struct dp_sa_stats *out);

// What there is of the tables that grow with the peers, and the bytes of one.
struct dp_memory {
	uint32_t sas, expanded, rules; // expanded: keys of SAs that have had a packet
	uint32_t sa_bytes, expanded_bytes, rule_bytes, tunnel_bytes;
};
void dp_memory(const struct dp *dp, struct dp_memory *out);

// ---- policy, interfaces, routes, neighbours ------------------------------------------------

// One line of a crypto access list bound to an interface. For a packet that leaves through `iface`
// the rules are tried in the order {sequence, line, instance}: permit means the rule's tunnel, deny
// means on to the next sequence number, none left means in clear. What comes in clear on `iface`
// and matches a mirrored permit in the same way is dropped.
struct dp_policy_rule {
	uint16_t iface;
	uint64_t sequence; // below 2^33
	uint32_t line;     // below 2^31
	uint32_t instance; // negotiated narrower flows of a line come before the line: lower first
	bool permit;
	struct ip_prefix local, remote;
	uint8_t proto; // 0 = any
	// Port ranges, inclusive; 0-65535 = any (then fragments and portless protocols match too).
	uint16_t local_port_lo, local_port_hi;
	uint16_t remote_port_lo, remote_port_hi;
	struct handle tunnel; // permit only
};

// 0, -EINVAL (its tunnel has gone), -ENOMEM.
int dp_policy_add(struct dp *dp, const struct dp_policy_rule *rule, struct handle *policy);
void dp_policy_del(struct dp *dp, struct handle policy);
// While an interface is held nothing leaves it in clear that no rule decides: between two policies
// a miss is a drop.
void dp_policy_hold(struct dp *dp, uint16_t iface, bool hold);

enum dp_df { DP_DF_COPY, DP_DF_CLEAR, DP_DF_SET };

#define DP_ADDRESSES6_MAX 8 // of an interface, the link-local one included

struct dp_address6 {
	struct ip_addr address;   // the gateway's own
	struct ip_prefix network; // connected; length 128: no more than the address
};

struct dp_iface_config {
	struct ip_prefix network; // connected; family 0 = no address
	struct ip_addr address;   // the gateway's own
	uint16_t mtu, mtu6;       // IPv4's, IPv6's; mtu6 0: the same
	bool up;                  // not shut down
	bool crypto_map;
	// Packets that a tunnel makes too long for what they leave through:
	enum dp_df df;       // the DF bit of the outer header
	bool fragment_after; // cut after encryption, else before where that can be undone
	// TCP connections through it are offered no longer segments, whatever side begins; 0 = as
	// they are. Over IPv4, over IPv6.
	uint16_t mss, mss6;
	// IPv6 addresses that may be used now: the link-local one first, then the others; none: no
	// IPv6 yet, or at all. Neighbour discovery is punted in any case.
	struct dp_address6 addresses6[DP_ADDRESSES6_MAX];
	unsigned n_addresses6;
};

// Replaces an interface's settings; the connected route follows. 0, or -EINVAL, -ENOTSUP (the MTU
// is longer than the buffers allow with which the port was opened, dp_iface_mtu_max()): all is as
// it was. Or all but a part is in force, above all whether it is up and has a crypto map:
// -EMSGSIZE: the device keeps the MTU that it has; else: there are no routes for networks that it
// is to have anew (-EEXIST: another interface has the network, -ENOMEM, -ENOSPC): its IPv4 network
// is what it was, and of its IPv6 addresses those are left that it is still to have.
int dp_iface_set(struct dp *dp, uint16_t iface, const struct dp_iface_config *config);
// Is the network one of those that are in force, its own prefix?
bool dp_iface_has_network(const struct dp *dp, uint16_t iface, const struct ip_prefix *network);
// The MTU for IPv6 that is in force; 0 = none yet.
uint16_t dp_iface_mtu6(const struct dp *dp, uint16_t iface);

// Subinterfaces. The ports given to dp_start() are interfaces 0, 1, 2...; a subinterface is one
// more interface, which everything here takes by its number as it takes a port's.
struct dp_vlan_config {
	char name[DP_NAME_MAX];
	uint16_t port; // the main interface's number
	uint16_t vlan; // 1-DP_VLAN_MAX
	bool native;   // frames without a tag are its own; else they are the main interface's
};

// Makes one, down and without an address; *iface is its number. 0, -EEXIST (the VLAN is another
// interface's), -EINVAL (no such port or VLAN), -ENOSPC, -ENOMEM.
int dp_vlan_add(struct dp *dp, const struct dp_vlan_config *config, uint16_t *iface);
void dp_vlan_del(struct dp *dp, uint16_t iface);

// An interface's Ethernet address (zero beyond the last one), and the longest MTU that it can have:
// from memory, no device is asked.
void dp_iface_mac(const struct dp *dp, uint16_t iface, uint8_t mac[6]);
uint16_t dp_iface_mtu_max(const struct dp *dp, uint16_t iface);

// All that there is to show, with the device's counters: takes system calls.
struct dp_iface_info {
	uint8_t mac[6];
	bool link_up;
	uint16_t mtu_max;
	uint32_t speed_mbps; // 0 = unknown
	char driver[DP_NAME_MAX];
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors;
	uint64_t rx_full; // of net_memif: how often its ring may have been full
	uint64_t tx_packets, tx_bytes, tx_dropped, tx_errors;
};
void dp_iface_info(const struct dp *dp, uint16_t iface, struct dp_iface_info *out);

// How inbound ESP comes to the worker that owns its SA. A port may match the owner, which stands in
// the SPI, by rte_flow rules and choose the queue; where it does not, workers hand over.
#define DP_STEER_KINDS 8

struct dp_steer_kind {
	bool asked;       // the port was asked for rules for this kind of packet
	uint16_t rules;   // that it has, one for each worker with a queue; 0 = it refused
	char refused[64]; // what the driver said
};

struct dp_port_steering {
	uint16_t queues;  // for receiving; 0: no port
	uint16_t workers; // that have at least one of them; nothing is asked for a single one
	bool rss;         // it spreads by addresses, with a key that we know
	struct dp_steer_kind kinds[DP_STEER_KINDS];
};
void dp_port_steering(const struct dp *dp, uint16_t iface, struct dp_port_steering *out);
// e.g. "ESP over IPv4"; NULL beyond the last.
const char *dp_steer_name(unsigned kind);

// Without it (as at the start) the gateway is an IPv6 host: what is not for itself is dropped.
void dp_ipv6_routing(struct dp *dp, bool on);

// gateway family 0: the network is on the interface itself. Same prefix again: replaced. 0,
// -EINVAL, -EAFNOSUPPORT (the gateway is of the other family), -ENOMEM, -ENOSPC (tables are full):
// all is as it was.
int dp_route_add(struct dp *dp, const struct ip_prefix *prefix, const struct ip_addr *gateway,
                 uint16_t iface);
// The same, of a network whose packets are dropped, and answered as those without a route are. The
// same errors.
int dp_route_discard(struct dp *dp, const struct ip_prefix *prefix);
void dp_route_del(struct dp *dp, const struct ip_prefix *prefix);
// Addresses of networks that nothing leads to now, though something should: in order, `last`
// included, without overlaps. What comes out of a tunnel for one of them and would leave in clear
// by an interface whose crypto map says that it is behind us is dropped. Takes the place of what
// was known; 0, or -ENOMEM: that stays.
struct dp_range {
	struct ip_addr first, last;
};
int dp_lost_networks(struct dp *dp, const struct dp_range *ranges, uint32_t n);
// The interface, next hop and own source address that a packet to `dst` takes. 0, -EHOSTUNREACH.
int dp_route_find(const struct dp *dp, const struct ip_addr *dst, uint16_t *iface,
                  struct ip_addr *next_hop, struct ip_addr *source);
// Of all interfaces, at least: dp_neighbour_set() has room for so many.
#define DP_NEIGHBOURS_MAX 65536u
// The link-layer address of a next hop; packets that wait for it go. 0, -EINVAL, -ENOSPC (the table
// is full), -ENOMEM.
int dp_neighbour_set(struct dp *dp, uint16_t iface, const struct ip_addr *addr,
                     const uint8_t mac[6]);
void dp_neighbour_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr);

// ---- counters ------------------------------------------------------------------------------

unsigned dp_workers(const struct dp *dp);
// Named counters, the same for every worker; among them each drop reason ("drop ..." names).
unsigned dp_counters(const struct dp *dp);
const char *dp_counter_name(const struct dp *dp, unsigned counter);
uint64_t dp_counter(const struct dp *dp, unsigned worker, unsigned counter);

// ---- what a worker does with its time --------------------------------------------------------

enum dp_stage {
	DP_STAGE_MESSAGES, // from the control core: messages, frames; packets that flows held
	DP_STAGE_RX,       // receive bursts
	DP_STAGE_HANDOFF,  // from other workers
	DP_STAGE_CLASSIFY,
	DP_STAGE_REASSEMBLE,
	DP_STAGE_ESP_IN, // without its cryptography
	DP_STAGE_DECRYPT,
	DP_STAGE_POLICY,
	DP_STAGE_ESP_OUT, // without its cryptography
	DP_STAGE_ENCRYPT,
	DP_STAGE_FORWARD,
	DP_STAGE_EGRESS, // fragments, neighbours
	DP_STAGE_TX,
	DP_STAGE_MADE, // picking up what this worker made itself
	DP_STAGE_LOOP, // what is left of a turn
	DP_STAGES,
};

struct dp_stage_stats {
	uint64_t cycles, packets, calls;
};

// What a worker does when it finds no work.
enum dp_idle {
	DP_IDLE_POLL, // goes on looking
	DP_IDLE_NAP,  // sleeps 20 us at most: some port of its has no receive interrupts
	DP_IDLE_WAIT, // sleeps until a port or another core wakes it, a tick at most
};

enum dp_wake {
	DP_WAKE_TIME, // nothing: the nap or the tick was over
	DP_WAKE_PORT,
	DP_WAKE_BELL, // the control core or another worker
	DP_WAKES,
};

#define DP_FILL_CLASSES 8 // receive bursts of 0, 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64 packets

// Sums since the start. Cycles are the TSC's.
struct dp_worker_stats {
	unsigned cpu;
	uint64_t hz; // cycles a second
	uint64_t turns, busy_turns;
	uint64_t cycles, busy_cycles; // of all turns, of those with work
	uint64_t longest;             // turn with work
	enum dp_idle idle;
	uint64_t sleeps, asleep; // asleep: cycles
	uint64_t wakes[DP_WAKES];
	uint64_t packets; // in receive bursts
	uint64_t fill[DP_FILL_CLASSES];
	// Of every period-th turn, if it had work.
	uint32_t period; // 0 = no turn is looked at
	uint64_t sampled_turns;
	struct dp_stage_stats stages[DP_STAGES];
};

// Costs the worker nothing. Zeros beyond the last worker.
void dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out);
// Every period-th turn of all workers is looked at from now on; 0 = none.
void dp_worker_sample(struct dp *dp, uint32_t period);
// e.g. "esp-in"; NULL beyond the last.
const char *dp_stage_name(unsigned stage);
// "0", "1", "2-3", ...; NULL beyond the last.
const char *dp_fill_name(unsigned fill);

const char *dp_version(void); // libraries in use, for `show version`

#endif
