// What the control core tells helper threads about its objects: fixed-size values, no pointers to
// anything that may go away. Filled in by collect.c on the control core, formatted by show_*.c.
#ifndef VIGIL_MANAGE_VIEW_H
#define VIGIL_MANAGE_VIEW_H

#include "config.h"
#include "dp.h"
#include "dpd.h"
#include "flow.h"
#include "nd.h"
#include "neighbour.h"
#include "suite.h"
#include "types.h"

// Seconds that are not known, or do not apply.
#define VIEW_NONE UINT32_MAX
#define VIEW_ID   48 // bytes of an identity as it is shown

struct peer_view {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	char iface[CONFIG_NAME];
	uint32_t session_id;
	bool ike_active;      // has an established IKE SA
	bool ike_negotiating; // phase 1 is under way
	bool sas_active;      // has a child that receives
	uint32_t up_seconds;  // VIEW_NONE: not up
	bool dpd_capable, nat_local, nat_remote;
	char phase1_id[VIEW_ID]; // of the newest IKE SA, "" = none
	struct dpd_config dpd_config;
	uint8_t dpd_state; // enum dpd_state
	uint8_t losses, deferrals;
	int32_t due_ms;      // until the next probe or the end of the window; -1 = not armed
	int32_t life_ms_ago; // newest proof of life; -1 = none
};

struct ike_view {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	char state[16]; // QM_IDLE
	bool active;    // phase 1 is complete
	bool deleted;   // only waits to be buried
	bool initiator;
	bool dpd, nat;
	uint32_t conn_id;
	struct ike_suite suite;
	uint32_t seconds_left; // VIEW_NONE: not established
	char phase1_id[VIEW_ID];
};

// An SA's traffic, as far as it is shown.
struct sa_view {
	bool live; // is in the dataplane
	uint32_t spi;
	uint32_t conn_id;
	uint64_t packets, bytes;
	uint64_t drops;
	uint32_t replay_window;                         // of an inbound one; 0 = off
	uint64_t verify_failed, replayed, bad_identity; // of the drops
};

struct child_view {
	struct handle tunnel; // of its flow; a null handle once the flow is gone
	char map_name[CONFIG_NAME];
	uint32_t sequence;
	uint8_t state; // enum child_state
	struct selector selector;
	struct esp_suite suite;
	bool udp;
	bool manual;       // keys set by hand: no lifetime
	uint16_t path_mtu; // learned from outside; 0 = not known
	struct sa_view in, out;
	uint32_t seconds_left;    // VIEW_NONE: no end in time
	uint32_t kilobytes_left;  // VIEW_NONE: no end in volume
	struct flow_totals ended; // what earlier children of the flow carried
};

struct flow_view {
	struct handle tunnel;
	char map_name[CONFIG_NAME];
	uint32_t sequence;
	char iface[CONFIG_NAME];
	struct ip_addr local;
	struct ip_addr peer; // the one it is used with, or the entry's current one; family 0 = none
	struct ip_addr current; // the entry's current peer
	uint16_t peer_port;
	uint16_t mtu;  // of the interface
	bool line;     // an access list line, not an instance of one
	bool waiting;  // follows the peer that it waits for
	uint8_t state; // enum flow_state
	struct selector selector;
	struct flow_totals ended;
};

struct interface_view {
	char name[CONFIG_NAME];
	uint32_t cleared; // seconds ago, VIEW_NONE = never
	struct dp_iface_info info;
	struct nd_address addresses6[CONFIG_ADDRESSES6]; // of one that is up
	unsigned n_addresses6;
};

// Shares of a core's time, 0 to 1.
struct usage_view {
	bool known; // five seconds have passed since the start
	double five_s, minute, five_minutes;
};

struct worker_view {
	unsigned worker;
	struct usage_view usage;
	struct dp_worker_stats stats;
	uint64_t drops;
};

#define CONTROL_PARTS 10

struct control_view {
	struct usage_view usage;
	uint64_t turns, busy_turns, late_turns, longest_us, longest_cpu_us;
	uint64_t long_turns;                                  // more than a millisecond of CPU
	uint64_t teardowns, teardown_ms, longest_teardown_ms; // teardown_ms: of all
	struct {
		const char *name;
		uint64_t us, longest_us;
	} parts[CONTROL_PARTS];
};

// What grows with the peers: how many there are, and the bytes of one.
struct memory_view {
	struct {
		const char *name;
		uint32_t used, bytes;
	} rows[10];
	unsigned n;
	uint32_t timers, timer_bytes; // they lie inside of the others
};

struct port_view {
	char name[CONFIG_NAME];
	char driver[DP_NAME_MAX];
	struct dp_port_steering steering;
};

struct counter_view {
	char name[48];
	uint64_t value;
};

struct arp_view {
	char iface[CONFIG_NAME];
	struct neighbour_view entry;
};

struct status_view {
	uint32_t peers, ike_sas, half_open, children;
	uint32_t max_peers, max_sas;
	unsigned workers;
	bool debug_isakmp, debug_ipsec;
};

enum view_kind {
	VIEW_PEER, // followed by its IKE SAs, children and waiting flows
	VIEW_IKE,
	VIEW_CHILD,
	VIEW_FLOW,
	VIEW_INTERFACE,
	VIEW_COUNTER,
	VIEW_ARP,
	VIEW_STATUS,
	VIEW_WORKER, // may be followed by counters: the reasons of its drops
	VIEW_CONTROL,
	VIEW_MEMORY,
	VIEW_PORT,
};

struct view {
	enum view_kind kind;
	union {
		struct peer_view peer;
		struct ike_view ike;
		struct child_view child;
		struct flow_view flow;
		struct interface_view interface;
		struct counter_view counter;
		struct arp_view arp;
		struct status_view status;
		struct worker_view worker;
		struct control_view control;
		struct memory_view memory;
		struct port_view port;
	};
};

#endif
