// One peer of the farm as IKEv1 knows it (RFC 2409, RFC 3706): it starts main mode and quick mode,
// answers both when the gateway renews, answers and sends R-U-THERE, and reads Deletes. A peer, not
// a mock: every message is checked as a peer must check it. Pure but for its randomness: messages
// in, messages out, time as an argument.
#ifndef VIGIL_TESTS_SCALE_FARM_PEER_H
#define VIGIL_TESTS_SCALE_FARM_PEER_H

#include "dh.h"
#include "farm_esp.h"
#include "keymat.h"
#include "suite.h"
#include "types.h"

#define FARM_MESSAGE_MAX 1024
#define FARM_QUICK_3_MAX 128

enum farm_state {
	FARM_IDLE,
	FARM_GONE,   // has said goodbye
	FARM_SENT_1, // of main mode
	FARM_SENT_3,
	FARM_SENT_5,
	FARM_SENT_QUICK,
	FARM_UP,
	FARM_STATES,
};

// An IKE SA, as the peer holds it.
struct farm_sa {
	uint8_t cookie_i[8], cookie_r[8];
	struct ike1_keys keys;
	uint32_t hello; // sequence of our next R-U-THERE
	uint32_t heard; // sequence of the last R-U-THERE of the gateway, 0 = none
};

struct farm_handshake; // what is kept only while something is negotiated
struct farm_answer;    // the same, of what the gateway has begun

struct farm_peer {
	uint8_t state; // enum farm_state
	bool dead;     // says nothing, and hears nothing
	bool floated;  // to UDP port 4500 (RFC 3947, 4)
	uint8_t tries;
	uint32_t due_ms; // of the next retransmission
	struct farm_sa sa;
	uint32_t spi_in, spi_out;
	// Its last sign of life: an answer, a R-U-THERE or a packet; or when it was told to die, if
	// it had given none. 0 = none yet.
	uint32_t life_ms;
	// When it last answered a R-U-THERE or sent one, and before that: when the next one of the
	// gateway comes goes by that, not by packets. 0 = never yet.
	uint32_t dpd_ms, dpd_before_ms;
	uint32_t quick_id; // of the quick mode, and its last message
	uint8_t quick_3[FARM_QUICK_3_MAX], quick_3_len;
	struct farm_esp *esp; // only of a peer with traffic, once quick mode has ended
	struct farm_handshake *handshake;
	struct farm_answer *answer;
};

struct farm_counts {
	uint64_t started, up, failed, retransmitted;
	uint64_t restarted;         // that were up
	uint64_t hellos, acks_sent; // R-U-THERE of the gateway, and our answers
	uint64_t hellos_sent, acks;
	uint64_t deletes;                       // of IKE SAs
	uint64_t false_deaths;                  // of those, of peers that lived
	uint64_t byes;                          // IKE SAs that peers have deleted
	uint64_t after_bye;                     // messages for them after that
	uint64_t ike_renewed, children_renewed; // by the gateway
	uint64_t children_made;                 // by the peers, beside the first of each
	uint64_t children_deleted;              // ESP SAs, by the gateway
	uint64_t children_lost;                 // of those, the newest of a peer that lives
	uint64_t bad;                           // messages that no gateway should send
};

struct farm {
	struct ike_crypto *crypto;
	struct dh_key dh; // one for all peers, so that the farm's own cost stays small
	struct ike_suite ike;
	struct esp_suite esp;
	const char *psk;
	struct ip_addr gateway;
	bool nat; // the peers say that they are behind one, so that ESP comes in UDP
	uint32_t n;
	struct farm_peer *peers;
	bool *traffic; // [n], which of them need keys for ESP; NULL = none
	struct farm_counts counts;
	uint16_t hello_len; // bytes of the gateway's R-U-THEREs, once there was one
	// Where a peer's messages go, without the non-ESP marker that one has which has floated.
	void (*send)(struct farm *f, uint32_t peer, const uint8_t *data, uint16_t len);
	// An R-U-THERE came, `ms` after the last exchange of either side's; 0 = the first one,
	// whose time the gateway chooses so that probes are spread. A Delete told that it thinks
	// the peer dead.
	void (*on_hello)(struct farm *f, uint32_t peer, uint32_t ms);
	void (*on_delete)(struct farm *f, uint32_t peer, uint32_t now_ms);
	// The gateway has deleted the newest ESP SA of a peer that lives. NULL: nobody asks.
	void (*on_lost)(struct farm *f, uint32_t peer);
};

// The address of a peer, and of the host behind it that quick mode is about.
struct ip_addr farm_peer_addr(uint32_t peer);
struct ip_addr farm_host_addr(uint32_t peer);

// Makes crypto, key pair and peers. 0 or -errno.
int farm_init(struct farm *f, uint32_t n, const char *psk);
void farm_fini(struct farm *f);
// Begins main mode.
void farm_peer_start(struct farm *f, uint32_t peer, uint32_t now_ms);
// A message of the gateway, without the non-ESP marker.
void farm_peer_in(struct farm *f, uint32_t peer, const uint8_t *data, uint16_t len,
                  uint32_t now_ms);
// Repeats what had no answer; after four times the peer begins afresh.
void farm_peer_timeout(struct farm *f, uint32_t peer, uint32_t now_ms);
// Deletes its SAs, as one that is shut down in order.
void farm_peer_bye(struct farm *f, uint32_t peer);
// A new ESP SA by quick mode, with the IKE SA that there is.
void farm_peer_renew(struct farm *f, uint32_t peer, uint32_t now_ms);
// Asks the gateway whether it lives.
void farm_peer_hello(struct farm *f, uint32_t peer, uint32_t now_ms);

#endif
