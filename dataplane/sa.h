// A security association as a worker sees it. One worker owns each SA: the inbound one is owned by
// the worker that the SPI names (chosen when the slot is reserved: the one to which the port's RSS
// brings its outer addresses, where that is known), the outbound one by the worker of its tunnel.
// Who writes what:
//
//   live, current           its worker, at messages about it and its flow
//   engine, keys, raw_key   its worker too, when the first packet comes, see sa_warm()
//   everything else         control, before SA_ADD (inbound) or TUNNEL_USE (outbound) is sent,
//                           and after the worker has confirmed SA_DEL; between the two the
//                           worker alone
//
// The ring that carries the message orders the writes. A packet touches the first two lines.
#ifndef VIGIL_DATAPLANE_SA_H
#define VIGIL_DATAPLANE_SA_H

#include <intel-ipsec-mb.h>
#include <netinet/in.h>
#include <stdalign.h>

#include "replay.h"
#include "sa_spec.h"
#include "types.h"

#define SA_LINE           64
#define SA_ESP_HEADER     8 // SPI and sequence number, RFC 4303 2
#define SA_IPV4_HEADER    20
#define SA_IPV6_HEADER    40
#define SA_UDP_HEADER     8
#define SA_AES_SCHEDULE   (15 * 16)
#define SA_HMAC_STATE_MAX 64
#define SA_OUTER_TTL      64 // RFC 4301 5.1.2.1: forward lowers the inner one, this is our own

enum sa_direction { SA_IN, SA_OUT };

// What encrypts it. Each comes in two: extended sequence numbers change what is authenticated (RFC
// 4303, 2.2.1), and those who have none must not pay for that.
enum sa_engine {
	SA_ENGINE_GCM, // AES-GCM: a call for each packet
	SA_ENGINE_GCM_ESN,
	SA_ENGINE_COLD, // AES-GCM that has had no packet yet: the raw key alone, see sa_warm()
	SA_ENGINE_COLD_ESN,
	SA_ENGINE_CHACHA, // ChaCha20-Poly1305: jobs in bursts
	SA_ENGINE_CHACHA_ESN,
	SA_ENGINE_MB, // the others: multi-buffer jobs, which wait for companions
	SA_ENGINE_MB_ESN,
	SA_ENGINE_CBC, // AES-CBC with an HMAC of the SHA family: two bursts
	SA_ENGINE_CBC_ESN,
	SA_ENGINES,
};
#define SA_ENGINE_ESN 1u // the bit that tells the two apart

enum sa_flags {
	SA_RAISED_SOFT = 1, // never again
	SA_RAISED_HARD = 2,
	SA_USED = 4, // outbound: its flow has begun to use it
};

// What an outer packet takes over from the SA. Network byte order.
struct sa_template {
	uint64_t ttl_proto_src; // bytes 8 to 15 of the IPv4 header, checksum 0
	uint32_t dst;
	uint16_t src_port, dst_port; // UDP, when encapsulated
	uint32_t spi;
	uint16_t mtu; // host order; UINT16_MAX = the egress interface's alone
	// Sum of the header's constant 16-bit words as they lie in memory (RFC 1071), folded.
	uint16_t sum;
};

// The addresses of an inbound SA's selector, from this gateway's side; network byte order.
struct sa_selector {
	uint32_t local, local_mask, remote, remote_mask;
};

// What a selector says besides addresses, which few do; host byte order, 0 = any.
struct sa_narrow {
	uint16_t local_port, remote_port;
	uint8_t proto;
};

// What few SAs need beside the rest, in memory of its own.
struct sa_more {
	// With IPv6 inside or outside; network byte order. Words of 8 bytes, so that masks are two
	// comparisons.
	uint64_t src[2], dst[2]; // of outer packets. Inbound: src is where the peer is now
	uint64_t local[2], local_mask[2], remote[2], remote_mask[2]; // inbound: the selector
	uint32_t flow;                                               // label, RFC 6437
	struct sa_narrow narrow;                                     // inbound
	uint64_t soft_packets, hard_packets;                         // lifetime; UINT64_MAX = none
};

// When an outbound SA sends its next dummy packet, and its neighbours in that list: slots + 1, 0 =
// none; see dummy.h.
struct sa_dummy {
	tick_t interval; // 0 = it sends none
	tick_t due;
	uint32_t next, prev;
	bool armed;
};

// Expanded keys, 1 KiB for each SA, in memory of their own, which is not touched before it is
// needed: most of very many peers are silent.
struct sa_keys {
	union {
		alignas(SA_LINE) struct gcm_key_data gcm;
		uint8_t chacha[32];
		struct {
			union {
				struct {
					alignas(16) uint8_t encrypt[SA_AES_SCHEDULE];
					alignas(16) uint8_t decrypt[SA_AES_SCHEDULE];
				} aes;
				struct {
					alignas(16) uint64_t schedule[3][16];
					const void *order[3]; // ipsec-mb takes 3DES keys so
				} des;
			};
			alignas(16) uint8_t ipad[SA_HMAC_STATE_MAX];
			alignas(16) uint8_t opad[SA_HMAC_STATE_MAX];
		};
	};
};

struct sa {
	// Line 0: constant while live.
	uint32_t live; // inbound: SPI leads here. outbound: not used
	uint32_t spi;  // host order
	uint32_t generation;
	uint8_t direction;
	uint8_t engine; // enum sa_engine
	union {
		uint8_t form; // 0 = an IPv4 tunnel for IPv4 without UDP, as nearly all are
		struct {
			uint8_t encap : 1; // enum sa_encap
			uint8_t is_transport : 1;
			uint8_t outer6 : 1, inner6 : 1; // IPv6, else IPv4
		};
	};
	uint8_t cipher_mode, hash_alg, key_len; // ipsec-mb's
	uint8_t iv_len, icv_len;
	uint8_t align;    // text length is a multiple of this: 4, 8 or 16
	uint8_t head_len; // outer headers before the ESP header
	uint8_t overhead; // bytes around the text: outer headers, ESP header, IV, ICV
	uint8_t salt[4];
	uint32_t slot;
	struct sa_keys *keys;
	union {
		struct sa_template out;
		struct {
			struct sa_selector in;
			struct activity *activity; // its worker writes last_in
		};
	};

	// Line 1: written for every packet.
	alignas(SA_LINE) union {
		struct replay replay; // inbound
		struct {
			uint64_t sequence; // last sent
			uint64_t iv_base;  // random; counter IVs are iv_base + sequence
			uint32_t last_out; // see activity.h
			uint32_t current;  // generation, while its flow uses it; else 0
		};
	};
	uint64_t packets, bytes; // bytes of inner packets
	uint64_t until;          // no limit is near before this, see sa_limits.h
	union {
		// Outbound: before this there is nothing to doubt. Until its flow uses it: when it
		// was made.
		tick_t doubt_from;
		// Inbound: last packet, see activity.h; written to `activity` as well, if there is
		// replay protection.
		uint32_t last;
	};
	// Inbound: the peer's last address and port, network order; port 0 = native ESP.
	// Outbound: where the outer packet is routed to, see route_remembered().
	union {
		uint32_t from;
		uint32_t routes;
	};
	union {
		uint16_t from_port;
		uint16_t hop;
	};
	uint8_t flags; // enum sa_flags
	union {
		uint8_t asks; // 0 = more than the addresses need not be looked at, as of nearly all
		struct {
			uint8_t is_narrow : 1; // inbound: `narrow` says something; outbound: it
			                       // names ports
			uint8_t is_wide : 1;   // inbound, IPv4 inside: the selector leaves room for
			                       // sources of no host
		};
	};
	uint32_t kilobytes; // lifetime, in units of 1024 bytes; 0 = none

	// Line 2: seldom.
	alignas(SA_LINE) union {
		uint8_t raw_key[32]; // while it is cold
		// Inbound, once it is not, from 0 on: what only decrypted packets show.
		struct {
			uint64_t auth_failed, bad_selector;
		};
		struct sa_dummy dummy; // outbound; one that sends any is never cold
	};
	union {
		uint64_t replayed;  // inbound
		struct handle pair; // outbound: the inbound SA whose activity answers for it
	};
	uint64_t other_drops;
	struct handle tunnel;
	struct sa_more *more; // with outer6, inner6, inbound is_narrow, or a lifetime in packets
};

_Static_assert(sizeof(struct sa_keys) == 1024, "what a peer takes: ARCHITECTURE.md");
_Static_assert(offsetof(struct sa, form) == offsetof(struct sa, engine) + 1, "one comparison");
_Static_assert(offsetof(struct sa, spi) == offsetof(struct sa, live) + 4, "one comparison");
_Static_assert(sizeof(struct sa) == 3 * SA_LINE, "what a peer takes: ARCHITECTURE.md");
_Static_assert(offsetof(struct sa, replay) == SA_LINE, "constants fill one line");
_Static_assert(offsetof(struct sa, raw_key) == 2 * SA_LINE, "a packet touches two lines");

// Bytes in front of the text of an outer packet.
static inline uint32_t sa_front(const struct sa *sa)
{
	return (uint32_t)sa->head_len + SA_ESP_HEADER + sa->iv_len;
}

// As nearly all are: an IPv4 tunnel for IPv4 without UDP, with AES-GCM.
static inline bool sa_is_usual(const struct sa *sa)
{
	uint16_t both;

	memcpy(&both, &sa->engine, sizeof(both));
	return both == SA_ENGINE_GCM;
}

// An inbound SA that the SPI leads to: two words in one comparison.
static inline bool sa_is_live_as(const struct sa *sa, uint32_t spi)
{
	uint64_t both;

	memcpy(&both, &sa->live, sizeof(both));
	return both == ((uint64_t)spi << 32 | 1);
}

// A tunnel of IPv4 in IPv4, with or without UDP: the lowest bit of `form`.
static inline bool sa_is_plain_tunnel(const struct sa *sa)
{
	return sa->form <= SA_ENCAP_UDP;
}

static inline bool sa_has_ipv6(const struct sa *sa)
{
	return sa->outer6 | sa->inner6;
}

static inline bool sa_is_esn(const struct sa *sa)
{
	return sa->engine & SA_ENGINE_ESN;
}

static inline bool sa_is_cold(const struct sa *sa)
{
	return (sa->engine & ~SA_ENGINE_ESN) == SA_ENGINE_COLD;
}

// Are an inbound SA's `auth_failed` and `bad_selector` there? [any]
static inline bool sa_has_counters(const struct sa *sa)
{
	// Acquire: pairs with sa_warm(), which wipes the key before.
	uint8_t engine = __atomic_load_n(&sa->engine, __ATOMIC_ACQUIRE);

	return (engine & ~SA_ENGINE_ESN) != SA_ENGINE_COLD;
}

// AES-GCM with its expanded keys.
static inline bool sa_is_warm(const struct sa *sa)
{
	return (sa->engine & ~SA_ENGINE_ESN) == SA_ENGINE_GCM;
}

// The replay window that was allocated apart, or NULL.
static inline uint64_t *sa_ring(const struct sa *sa)
{
	return sa->direction == SA_IN && sa->replay.ring_words > 1 ? sa->replay.ring : NULL;
}

// A counter with one writer that others may read: no lock prefix, no torn value.
static inline void sa_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t sa_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
