// Questions and orders of helper threads for the control core, answered by value. A helper owns its
// request; while it is submitted, the control core fills it a slice at a time and hands it back
// when it is full or the end is reached. What a helper does with it, how slowly its client reads,
// or whether it goes away, is of no concern to the control core.
#ifndef VIGIL_MANAGE_REQUEST_H
#define VIGIL_MANAGE_REQUEST_H

#include "diff.h"
#include "echo.h"
#include "view.h"

struct control;
struct request_queue;
struct request_slot;

#define REQUEST_VIEWS 64
#define REQUEST_SLOTS 32 // helpers that can ask at the same time
// One slice: steps over empty places of a table, or so many objects.
#define REQUEST_STEPS    2048
#define REQUEST_ITEM     64  // steps that an object costs: 32 of them make a slice
#define REQUEST_TEARDOWN 512 // steps that ending a peer or SA costs: 4 of them

enum request_kind {
	REQUEST_SESSIONS,   // VIEW_PEER, VIEW_IKE, VIEW_CHILD, VIEW_FLOW; then flows without a peer
	REQUEST_PEERS,      // VIEW_PEER alone
	REQUEST_IKE_SAS,    // VIEW_IKE
	REQUEST_IPSEC_SAS,  // VIEW_FLOW, each followed by its VIEW_CHILD
	REQUEST_FLOWS,      // VIEW_FLOW of access list lines
	REQUEST_INTERFACES, // VIEW_INTERFACE
	REQUEST_COUNTERS,   // VIEW_COUNTER
	REQUEST_ARP,        // VIEW_ARP
	REQUEST_STATUS,     // one VIEW_STATUS
	REQUEST_WORKERS, // VIEW_WORKER, each followed by a VIEW_COUNTER for each reason it drops by
	REQUEST_CONTROL, // one VIEW_CONTROL
	REQUEST_MEMORY,  // one VIEW_MEMORY
	REQUEST_PORTS,   // VIEW_PORT
	REQUEST_CLEAR_SESSIONS, // ends peers that match; `count` is how many
	REQUEST_CLEAR_SAS,      // ends children that match
	REQUEST_CLEAR_IKE,      // ends IKE SAs that match
	REQUEST_CLEAR_COUNTERS, // of the interface that the filter names; without one, all there
	                        // are
	REQUEST_CLEAR_TRAFFIC,  // counters of all IPsec SAs
	REQUEST_CLEAR_ARP,      // asks all IPv4 neighbours again
	REQUEST_APPLY,          // config, changes
	REQUEST_ECHO_SEND,      // echo -> its sequence, err
	REQUEST_ECHO_LOOK,      // echo -> answered, rtt_us
	REQUEST_DEBUG,          // debug_isakmp, debug_ipsec
	REQUEST_KINDS,
};

// Family 0, port 0 and conn_id 0 match everything.
struct request_filter {
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	uint32_t conn_id;
	char map[CONFIG_NAME];   // crypto map, "" = any
	char iface[CONFIG_NAME]; // "" = any
};

// Where to go on: zero at the start. Places are indices of tables, so a cursor stays valid while
// objects come and go.
struct request_cursor {
	uint32_t index;
	uint32_t generation; // of the object at `index` whose parts are being listed; when
	                     // clearing, the first number of what was made afterwards
	uint8_t stage;
	uint32_t nth;       // of the parts
	struct handle next; // the next part, where it has a handle
};

enum request_switch { REQUEST_KEEP, REQUEST_ON, REQUEST_OFF };

struct request {
	enum request_kind kind;
	struct request_filter filter;
	struct request_cursor cursor;
	struct config *config; // REQUEST_APPLY: passes to the control core
	const struct diff_list *changes;
	enum request_switch debug_isakmp, debug_ipsec;
	struct echo_order echo;
	// The answer.
	bool end; // nothing follows what the views hold
	uint32_t count;
	unsigned n;
	struct view views[REQUEST_VIEWS];
};

// For its owner. NULL with errno.
struct request_queue *request_queue_create(void *owner);
void *request_queue_owner(const struct request_queue *q);
// An eventfd that is written to when somebody asks, for a control core that sleeps. The reader
// drains it; request_run() does not touch it.
int request_queue_fd(const struct request_queue *q);
// Nobody may wait any more.
void request_queue_destroy(struct request_queue *q);

// ---- helper threads ------------------------------------------------------------------------

// A place in the queue, one for each thread that asks. NULL: all taken.
struct request_slot *request_slot_get(struct request_queue *q);
void request_slot_put(struct request_slot *s);
// Asks, and waits for the answer: n, end, count, views. The cursor moves on; call again until
// `end`. 0, or -ESHUTDOWN: the control core has stopped.
int request_submit(struct request_slot *s, struct request *r);

// ---- control core --------------------------------------------------------------------------

// Works on one slice of one request of c->requests (NULL is fine). True if there was something to
// do. Must not block, allocate or format text.
bool request_run(struct control *c);
// From now on every request fails; to be called again until no helper is left that may wait.
void request_refuse_all(struct request_queue *q);

// One step of a request: at most one view, or one object ended. Returns what it cost, 0 = the end.
// In collect.c and clear.c.
unsigned collect_step(struct control *c, struct request *r);
unsigned clear_step(struct control *c, struct request *r);

#endif
