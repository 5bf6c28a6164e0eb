// The control core's state. One thread owns all of it; helper threads send requests and get values.
#ifndef VIGIL_CONTROL_H
#define VIGIL_CONTROL_H

#include "admission.h"
#include "config.h"
#include "dp.h"
#include "echo.h"
#include "entry_index.h"
#include "entry_lines.h"
#include "flow.h"
#include "log.h"
#include "salt.h"
#include "slab.h"
#include "static_routes.h"
#include "types.h"
#include "wheel.h"

struct child_lot;
struct counters;
struct dh_pool;
struct entry_peer;
struct exchange;
struct ike_crypto;
struct ike_sa;
struct neighbours;
struct own_address;
struct request_queue;

// What a turn of the loop does, in its order.
enum turn_part {
	TURN_PART_EVENTS,
	TURN_PART_IKE, // of known IKE SAs
	TURN_PART_IKE_NEW,
	TURN_PART_FRAMES,
	TURN_PART_OUTBOX,
	TURN_PART_DH,
	TURN_PART_ADMISSION,
	TURN_PART_TIMERS,
	TURN_PART_TEARDOWN, // of peers with many children
	TURN_PART_ORDERS,
	TURN_PARTS,
};

// Words of 64 bits, nothing else: manage/counters.c subtracts them.
struct control_counters {
	uint64_t turns, late_turns, busy_turns;
	uint64_t busy_us, longest_us; // turns with work; the longest turn
	uint64_t longest_cpu_us;      // the CPU had none of it taken away
	uint64_t long_turns;          // that took more than a millisecond of CPU
	struct {
		uint64_t us, longest_us;
	} parts[TURN_PARTS];
	// Peers whose last SA is gone, and how long after it was decided that they go.
	uint64_t teardowns, teardown_ticks, longest_teardown_ticks;
	uint64_t ike_unsent; // the ring to the worker, or the port, was full
	uint64_t ike_in, ike_out, ike_malformed, ike_unknown, ike_retransmits, ike_duplicates;
	uint64_t negotiations_started, negotiations_failed;
	uint64_t probes_sent, probes_answered, hellos_received, acks_received, acks_stale;
	uint64_t losses, verdicts_deferred, deaths, failovers;
	uint64_t admissions_refused, admissions_delayed;
	uint64_t shapes_refused;  // proposals, since those of an interface or peer have too many
	                          // shapes
	uint64_t ike_unauthentic; // hash did not hold, or came in clear where it must not
	uint64_t ike_unsupported; // IKEv2, aggressive mode, XAUTH, mode config
	uint64_t ike_refused;     // no key, no policy, no flow, too many half-open
};

// Where a walk over all entries is: the place in their list, and what of the configuration stands
// there next.
struct entry_walk {
	struct crypto_entry **link;
	uint16_t iface;
	bool ipv6;
	uint32_t at;                   // index among the entries of the bound map
	uint32_t dynamic;              // and among those of the dynamic map that stands there
	struct crypto_entry *settling; // its lines and flows are looked at now; or NULL
	struct entry_lines lines;      // of it
};

// Places of that list that a change concerns, where they are few.
struct entry_some {
	const struct diff_list *changes;
	struct entry_job {
		struct entry_key key;
		const char *map;
		uint32_t sequence;
		bool touched; // the entry is as it was, but not what it uses
	} * jobs;
	uint32_t n, at;
	bool sets; // transform sets have changed
	struct crypto_entry *settling;
	struct entry_lines lines;
};

// What of a new configuration is still to be done, see apply.h.
struct apply_state {
	enum { APPLY_IDLE, APPLY_SOME, APPLY_ENTRIES, APPLY_MANUAL, APPLY_PEERS } stage;
	uint32_t peer; // APPLY_PEERS: the next one to look at
};

// How often something was done in the second that began at `since`.
struct ike_rate {
	tick_t since;
	unsigned count;
};

struct control {
	struct dp *dp;
	struct log log;
	char (*ports)[CONFIG_NAME]; // names of the dataplane's interfaces, by index
	unsigned n_ports; // interfaces: the ports that the process was started with, subinterfaces
	struct dp_vlan_config vlans[DP_IFACES_MAX]; // of subinterfaces; vlan 0 = a port, or free
	uint32_t vlans_made;                        // subinterfaces since the start
	uint32_t vlan_made[DP_IFACES_MAX]; // which of these has the number now or had it last
	bool link_down[DP_IFACES_MAX];     // a subinterface's is its port's
	bool iface_failed[DP_IFACES_MAX];  // the dataplane has no routes for its networks
	bool link_seen[DP_IFACES_MAX];     // the dataplane has told of it
	bool policy_failed[DP_IFACES_MAX]; // its map is not all in force: nothing goes in clear
	struct config *config; // the running configuration; replaced as a whole by apply
	struct wheel wheel;
	tick_t now;          // read at the start of each turn, so after every sleep
	tick_t heard_until;  // input that arrived before this tick has been consumed
	tick_t last_turn;    // when the turn before this one started
	tick_t restarted;    // last time that all DPD windows were restarted
	unsigned fired;      // timers, in this turn
	uint64_t cpu_us;     // of this thread, at the end of the last turn
	uint64_t part_began; // dp_now_us()
	uint32_t paths;      // changes of links, addresses and routes: other ports may be used
	uint16_t input_by;   // interface of the IKE message that is being handled, + 1; 0 = none
	bool timers_left;    // are due, but the last turn had no time for them
	bool stopping;
	uint32_t next_conn_id; // IOS counts connections from 1001

	struct slab peers;       // struct peer
	struct slab ike_sas;     // struct ike_sa; the index is the slot in our cookies
	struct slab children;    // struct child
	struct salt salt;        // of the tables that hash
	uint32_t *peers_by_port; // by {local, remote, port}: slab index + 1, see peer.c
	uint32_t *peers_by_key;  // ... by the port that they began from
	uint32_t *begun;         // IKE SAs under way that peers began, by {local, remote}: the same
	uint32_t peer_bucket_mask;
	uint32_t flows;                            // and tunnels
	uint32_t half_open;                        // IKE SAs that are not established
	uint32_t responding;                       // ... and that the peers began
	struct admission admit_ours, admit_theirs; // turns to begin, by the configured rate
	// IKE SAs that peers began and whose Diffie-Hellman waits for its turn: those that renew
	// one, see renewable_sa() in ike1/main_mode_responder.c, and the others.
	struct ike_line {
		struct ike_sa *first, *last;
		uint32_t n;
	} renewing, arriving;
	// Those of them that nothing has come back for, so that the address may be forged: of
	// strangers, and in the name of peers that are here; those that wait for message 5, whose
	// peers may have no key; and of ours those that have no answer to message 1. By when they
	// came into their queue.
	struct ike_sa_queue {
		struct ike_sa *oldest, *newest;
		uint32_t n;
	} strangers, claims, unproved, asked;
	uint32_t stranger_peers; // peers that are here for nothing but what lies in `strangers`
	// Dead peers that still have children, slab index + 1: teardown.c
	struct {
		uint32_t first, last;
	} ending;
	// Children that living peers do not have any more: child_ends.c
	struct {
		struct child_lot *first, *last;
	} child_ends;
	// IKE SAs that remember exchanges, by when the last one ended.
	struct ike_sa *oldest_nodes, *newest_nodes;
	struct wheel_timer node_age; // the oldest ones are forgotten
	struct outbox {              // Delete payloads that wait for the way out, see ike1/outbox.h
		struct outbox_item *first, *last;
		unsigned n;
	} outbox;
	uint32_t message_ids[512]; // random ones, of which so many are left
	unsigned n_message_ids;

	struct crypto_entry *entries; // list in order {iface, ipv6, sequence}
	struct entry_index entry_index;
	struct entry_walk entry_walk;
	struct entry_some entry_some;
	struct apply_state applying;
	struct entry_peer **entry_buckets; // see entry_peers.h; NULL before the first entry
	uint32_t quick_in_dh;              // jobs of quick modes that peers began, with the helpers
	uint32_t named_peers;              // in these, an address for each entry that lists it
	struct crypto_entry *any_peer_entries;
	uint32_t *flows_by_entry; // see flow_table.h
	uint32_t *flows_by_selector;
	struct flow_shapes flow_shapes;                    // of all entries' lines
	struct flow_shapes proposed_shapes[DP_IFACES_MAX]; // of what peers proposed
	struct crypto_entry *manual_entries, *manual_at;   // see manual.h; the next to be looked at
	void *manual_keys;                                 // their keys, a tree of search.h
	bool manual_due;                                   // SAs with manual keys are missing
	struct flow **flow_of_tunnel;                      // by tunnel index; NULL = free
	uint32_t max_tunnels;
	struct child **child_of_sa; // by SA index
	uint32_t *children_by_spi;  // by peer and SPI: slab index + 1, see child_spis.h
	uint32_t child_spi_mask;
	uint32_t max_sas, sas_for_renewals; // of them so many beyond those that are configured

	struct dh_pool *dh;
	struct ike_crypto *crypto;             // the control core's own contexts
	struct ike_rate ike_replies, ike_logs; // to and about strangers; see ike1/output.h
	struct static_routes static_routes;
	struct neighbours *neighbours;
	struct echoes echoes;
	struct own_address *own_addresses; // nd.c's: IPv6 addresses and what is known of them
	struct {
		struct wheel_timer timer; // some have changed
		struct dp_range *ranges;  // that the dataplane knows
		uint32_t n;
	} lost;                       // lost_networks.c's
	struct router_iface *routers; // router.c's: links that have hosts to be told of us
	struct request_queue *requests;
	struct control_counters counters;
	struct counters *shown; // what was cleared, and usage; with the command line alone
};

#endif
