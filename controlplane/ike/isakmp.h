// ISAKMP messages (RFC 2408, 3; numbers of RFC 2407, 2409, 3706, 3947): header, chain of payloads,
// and a writer that fills in types and lengths. Pure; no state, no cryptography.
#ifndef VIGIL_ISAKMP_H
#define VIGIL_ISAKMP_H

#include "bytes.h"
#include "types.h"

#define ISAKMP_HEADER         28   // bytes
#define ISAKMP_PAYLOAD_HEADER 4    // bytes of the generic payload header
#define ISAKMP_MESSAGE_MAX    8192 // bytes of the longest message that is read or written
#define ISAKMP_PAYLOADS_MAX   40   // payloads of one message; strongSwan sends about 15
#define ISAKMP_VERSION_1      0x10
#define ISAKMP_PORT           500
#define ISAKMP_PORT_NAT       4500

enum isakmp_type {
	ISAKMP_NONE = 0,
	ISAKMP_SA = 1,
	ISAKMP_PROPOSAL = 2,  // inside of SA only
	ISAKMP_TRANSFORM = 3, // inside of a proposal only
	ISAKMP_KE = 4,
	ISAKMP_ID = 5,
	ISAKMP_CERT = 6,
	ISAKMP_CERT_REQ = 7,
	ISAKMP_HASH = 8,
	ISAKMP_SIG = 9,
	ISAKMP_NONCE = 10,
	ISAKMP_NOTIFY = 11,
	ISAKMP_DELETE = 12,
	ISAKMP_VENDOR = 13,
	ISAKMP_ATTRIBUTES = 14, // mode config and XAUTH
	ISAKMP_NAT_D = 20,      // RFC 3947
	ISAKMP_NAT_OA = 21,
	ISAKMP_PRIVATE = 128,  // from here on (RFC 2408, 3.1)
	ISAKMP_FRAGMENT = 132, // Cisco's; not active in this version
};

enum isakmp_exchange {
	ISAKMP_EXCHANGE_BASE = 1,
	ISAKMP_EXCHANGE_MAIN = 2, // identity protection
	ISAKMP_EXCHANGE_AUTH_ONLY = 3,
	ISAKMP_EXCHANGE_AGGRESSIVE = 4,
	ISAKMP_EXCHANGE_INFO = 5,
	ISAKMP_EXCHANGE_TRANSACTION = 6, // mode config
	ISAKMP_EXCHANGE_QUICK = 32,
	ISAKMP_EXCHANGE_NEW_GROUP = 33,
};

enum isakmp_flag {
	ISAKMP_FLAG_ENCRYPTED = 1,
	ISAKMP_FLAG_COMMIT = 2,
	ISAKMP_FLAG_AUTH_ONLY = 4,
};

enum isakmp_doi { ISAKMP_DOI_GENERIC = 0, ISAKMP_DOI_IPSEC = 1 };

enum isakmp_protocol {
	ISAKMP_PROTO_ISAKMP = 1,
	ISAKMP_PROTO_AH = 2,
	ISAKMP_PROTO_ESP = 3,
	ISAKMP_PROTO_IPCOMP = 4,
};

// RFC 2408, 3.14.1; RFC 2407, 4.6.3; RFC 3706, 5.3.
enum isakmp_notify_type {
	NOTIFY_INVALID_PAYLOAD_TYPE = 1,
	NOTIFY_DOI_NOT_SUPPORTED = 2,
	NOTIFY_SITUATION_NOT_SUPPORTED = 3,
	NOTIFY_INVALID_COOKIE = 4,
	NOTIFY_INVALID_MAJOR_VERSION = 5,
	NOTIFY_INVALID_MINOR_VERSION = 6,
	NOTIFY_INVALID_EXCHANGE_TYPE = 7,
	NOTIFY_INVALID_FLAGS = 8,
	NOTIFY_INVALID_MESSAGE_ID = 9,
	NOTIFY_INVALID_PROTOCOL_ID = 10,
	NOTIFY_INVALID_SPI = 11,
	NOTIFY_INVALID_TRANSFORM_ID = 12,
	NOTIFY_ATTRIBUTES_NOT_SUPPORTED = 13,
	NOTIFY_NO_PROPOSAL_CHOSEN = 14,
	NOTIFY_BAD_PROPOSAL_SYNTAX = 15,
	NOTIFY_PAYLOAD_MALFORMED = 16,
	NOTIFY_INVALID_KEY_INFORMATION = 17,
	NOTIFY_INVALID_ID_INFORMATION = 18,
	NOTIFY_INVALID_CERT_ENCODING = 19,
	NOTIFY_INVALID_CERTIFICATE = 20,
	NOTIFY_CERT_TYPE_UNSUPPORTED = 21,
	NOTIFY_INVALID_CERT_AUTHORITY = 22,
	NOTIFY_INVALID_HASH_INFORMATION = 23,
	NOTIFY_AUTHENTICATION_FAILED = 24,
	NOTIFY_INVALID_SIGNATURE = 25,
	NOTIFY_ADDRESS_NOTIFICATION = 26,
	NOTIFY_SA_LIFETIME = 27,
	NOTIFY_CERTIFICATE_UNAVAILABLE = 28,
	NOTIFY_UNSUPPORTED_EXCHANGE_TYPE = 29,
	NOTIFY_UNEQUAL_PAYLOAD_LENGTHS = 30,
	NOTIFY_CONNECTED = 16384,
	NOTIFY_RESPONDER_LIFETIME = 24576,
	NOTIFY_REPLAY_STATUS = 24577,
	NOTIFY_INITIAL_CONTACT = 24578,
	NOTIFY_R_U_THERE = 36136,
	NOTIFY_R_U_THERE_ACK = 36137,
};

struct isakmp_header {
	uint8_t cookie_i[8], cookie_r[8];
	uint8_t next; // type of the first payload; a writer fills it in
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length; // of the whole message; a writer fills it in
};

struct isakmp_payload {
	uint8_t type;
	uint16_t len; // bytes of body, the generic header not counted
	const uint8_t *body;
};

// All payloads of a message in their order; points into the message.
struct isakmp_chain {
	uint8_t count;
	const uint8_t *start; // first payload's generic header
	uint32_t len;         // bytes of all payloads, padding not counted
	uint32_t padding;     // bytes behind the last payload; only in an encrypted message
	struct isakmp_payload payloads[ISAKMP_PAYLOADS_MAX];
};

// Reads and checks a header. The length field must be the length of the datagram (RFC 2408, 5.1),
// the initiator's cookie not zero. 0, -EMSGSIZE (lengths), -EPROTONOSUPPORT (version; *h is filled
// in), -EBADMSG (cookie, unknown flags).
int isakmp_header_read(const void *data, size_t len, struct isakmp_header *h);
// Splits the payloads behind a header; nothing of any body is read before all of the chain was
// checked. `first` is the header's next payload; `padded` = decrypted, bytes may follow the last
// payload. A type that IKEv1 does not know is an error, as RFC 2408, 5.2 wants, but for those of
// private use, which others may send without asking: they stand in the chain like all. 0, -EBADMSG
// (lengths, trailing bytes), -ENOTSUP (a type), -E2BIG (too many payloads).
int isakmp_chain_read(uint8_t first, const void *data, size_t len, bool padded,
                      struct isakmp_chain *out);
// The nth (from 0) payload of a type, or NULL.
const struct isakmp_payload *isakmp_chain_find(const struct isakmp_chain *c, uint8_t type,
                                               unsigned nth);
unsigned isakmp_chain_count(const struct isakmp_chain *c, uint8_t type);
// "main mode", for logs. Unknown numbers get "unknown".
const char *isakmp_exchange_name(uint8_t exchange);
// "NO_PROPOSAL_CHOSEN", "R_U_THERE_ACK"; with underscores as IOS prints them.
const char *isakmp_notify_name(uint16_t type);

// A message that is being written. Failure is sticky and shows in isakmp_message_end().
struct isakmp_message {
	struct writer w;
	size_t next_at;    // offset of the byte that takes the next payload's type
	size_t payload_at; // offset of the open payload's header
};

// Writes the header into buf[size]; next payload and length come later.
void isakmp_message_begin(struct isakmp_message *m, void *buf, size_t size,
                          const struct isakmp_header *h);
// Opens a payload; its body is then written to m->w with the writer_*() functions.
void isakmp_payload_begin(struct isakmp_message *m, uint8_t type);
void isakmp_payload_end(struct isakmp_message *m);
// A payload in one go.
void isakmp_payload_put(struct isakmp_message *m, uint8_t type, const void *body, size_t len);
// Fills in the length. Bytes of the message, or 0 if it did not fit.
size_t isakmp_message_end(struct isakmp_message *m);

#endif
