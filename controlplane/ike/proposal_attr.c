// Attributes of transforms. Any thread; pure. Attributes come in any order and some peers send key
// length before cipher, so all are collected first and understood together afterwards.
#include "proposal_attr.h"

#include <errno.h>

#define ATTR_BASIC 0x8000

// RFC 2409, appendix A.
enum ike_attr {
	IKE_ATTR_ENCRYPTION = 1,
	IKE_ATTR_HASH = 2,
	IKE_ATTR_AUTH = 3,
	IKE_ATTR_GROUP = 4,
	IKE_ATTR_LIFE_TYPE = 11,
	IKE_ATTR_LIFE_DURATION = 12,
	IKE_ATTR_KEY_LENGTH = 14,
};
#define IKE_AUTH_PSK 1

// RFC 2407, 4.5.
enum esp_attr {
	ESP_ATTR_LIFE_TYPE = 1,
	ESP_ATTR_LIFE_DURATION = 2,
	ESP_ATTR_GROUP = 3,
	ESP_ATTR_ENCAP = 4,
	ESP_ATTR_AUTH = 5,
	ESP_ATTR_KEY_LENGTH = 6,
	ESP_ATTR_ESN = 11, // RFC 4304, 2
};
#define ESN_64_BIT 1 // its only value; without the attribute numbers have 32 bits

enum life_type { LIFE_SECONDS = 1, LIFE_KILOBYTES = 2 };

// RFC 2407, 4.5; RFC 3947, 5.1; draft-ietf-ipsec-nat-t-ike-03, 5.1.
enum encap_mode {
	ENCAP_TUNNEL = 1,
	ENCAP_TRANSPORT = 2,
	ENCAP_UDP_TUNNEL = 3,
	ENCAP_UDP_TRANSPORT = 4,
	ENCAP_UDP_TUNNEL_DRAFT = 61443,
	ENCAP_UDP_TRANSPORT_DRAFT = 61444,
};

struct attr {
	uint16_t type;
	bool basic;
	uint32_t value; // a longer number is cut to UINT32_MAX
};

// What a transform said. The numbers are the wire's; 0 = not said.
struct collected {
	uint32_t seen; // a bit for each attribute type under 32
	uint32_t value[16];
	uint32_t life_type;
	uint32_t life_seen; // a bit for each life type whose duration has come
	uint32_t seconds, kilobytes;
};

// A number of 1 to 16 bytes; what does not fit is as good as endless.
static uint32_t read_number(struct reader *r)
{
	uint32_t v = 0;
	bool over = false;

	while (reader_left(r)) {
		over |= v > UINT32_MAX >> 8;
		v = v << 8 | reader_u8(r);
	}
	return over ? UINT32_MAX : v;
}

static int next_attr(struct reader *r, struct attr *a)
{
	uint16_t type = reader_u16(r), len = reader_u16(r);
	struct reader value;

	a->type = type & (uint16_t)~ATTR_BASIC;
	a->basic = (type & ATTR_BASIC) != 0;
	a->value = len;
	if (a->basic)
		return reader_ok(r) ? 0 : -EBADMSG;
	value = reader_sub(r, len);
	if (!reader_ok(&value) || !reader_ok(r) || len == 0)
		return -EBADMSG;
	a->value = read_number(&value);
	return 0;
}

int proposal_attr_validate(const uint8_t *attributes, size_t len)
{
	struct reader r = reader_make(attributes, len);
	struct attr a;

	while (reader_left(&r)) {
		if (next_attr(&r, &a))
			return -EBADMSG;
	}
	return reader_ok(&r) ? 0 : -EBADMSG;
}

// A type may come with each of its two units once, each followed by its duration. A duration of 0
// is what strongSwan says that has no limit of its own (`rekey_time = 0`, or life_bytes under
// 1000): as if nothing was said.
static bool collect_life(struct collected *c, const struct attr *a, bool is_type)
{
	if (is_type) {
		c->life_type = a->value;
		return a->basic && (a->value == LIFE_SECONDS || a->value == LIFE_KILOBYTES);
	}
	if (!c->life_type || c->life_seen & 1u << c->life_type)
		return false;
	c->life_seen |= 1u << c->life_type;
	if (c->life_type == LIFE_SECONDS)
		c->seconds = a->value;
	else
		c->kilobytes = a->value;
	c->life_type = 0;
	return true;
}

// `known` has a bit for each type that may be there.
static bool collect(const uint8_t *attributes, size_t len, uint32_t known, uint16_t life_type,
                    uint16_t life_duration, struct collected *c)
{
	struct reader r = reader_make(attributes, len);
	struct attr a;

	*c = (struct collected){0};
	while (reader_left(&r)) {
		if (next_attr(&r, &a))
			return false;
		if (a.type == life_type || a.type == life_duration) {
			if (!collect_life(c, &a, a.type == life_type))
				return false;
			continue;
		}
		// Basic attributes are not to be sent in the long form (RFC 2409, appendix A).
		if (a.type >= 16 || !(known & 1u << a.type) || c->seen & 1u << a.type || !a.basic)
			return false;
		c->seen |= 1u << a.type;
		c->value[a.type] = a.value;
	}
	return c->life_type == 0;
}

static bool aes_bits(const struct collected *c, uint16_t attr, uint16_t *bits)
{
	// RFC 3602, 5.3 wants the length said; who does not say it means 128, the default.
	uint32_t v = c->seen & 1u << attr ? c->value[attr] : 128;

	*bits = (uint16_t)v;
	return v == 128 || v == 192 || v == 256;
}

static enum ike_hash hash_from(uint32_t number)
{
	static const enum ike_hash hashes[] = {IKE_HASH_NONE,  IKE_HASH_MD5,    IKE_HASH_SHA1,
	                                       IKE_HASH_NONE,  IKE_HASH_SHA256, IKE_HASH_SHA384,
	                                       IKE_HASH_SHA512};

	return number < sizeof(hashes) / sizeof(hashes[0]) ? hashes[number] : IKE_HASH_NONE;
}

static enum ike_cipher cipher_from(uint32_t number)
{
	switch (number) {
	case 1:
		return IKE_CIPHER_DES;
	case 5:
		return IKE_CIPHER_3DES;
	case 7:
		return IKE_CIPHER_AES;
	default:
		return IKE_CIPHER_NONE;
	}
}

bool proposal_attr_read_ike(uint8_t transform_id, const uint8_t *attributes, size_t len,
                            struct ike_suite *out)
{
	const uint32_t known = 1u << IKE_ATTR_ENCRYPTION | 1u << IKE_ATTR_HASH |
	                       1u << IKE_ATTR_AUTH | 1u << IKE_ATTR_GROUP |
	                       1u << IKE_ATTR_KEY_LENGTH;
	struct collected c;

	if (transform_id != PROPOSAL_KEY_IKE ||
	    !collect(attributes, len, known, IKE_ATTR_LIFE_TYPE, IKE_ATTR_LIFE_DURATION, &c))
		return false;
	*out = (struct ike_suite){
		.cipher = cipher_from(c.value[IKE_ATTR_ENCRYPTION]),
		.hash = hash_from(c.value[IKE_ATTR_HASH]),
		.group = (uint16_t)c.value[IKE_ATTR_GROUP],
		.lifetime = c.seconds,
	};
	if (out->cipher == IKE_CIPHER_AES) {
		if (!aes_bits(&c, IKE_ATTR_KEY_LENGTH, &out->key_bits))
			return false;
	} else if (c.seen & 1u << IKE_ATTR_KEY_LENGTH) {
		return false; // ciphers of one length have none (RFC 2409, appendix A)
	}
	return c.value[IKE_ATTR_AUTH] == IKE_AUTH_PSK && out->cipher != IKE_CIPHER_NONE &&
	       out->hash != IKE_HASH_NONE && out->group != 0;
}

static bool esp_cipher_from(uint8_t transform_id, uint8_t *out)
{
	switch (transform_id) {
	case 2:
		*out = SA_CIPHER_DES_CBC;
		return true;
	case 3:
		*out = SA_CIPHER_3DES_CBC;
		return true;
	case 11:
		*out = SA_CIPHER_NULL;
		return true;
	case 12:
		*out = SA_CIPHER_AES_CBC;
		return true;
	case 20: // 18 and 19 are GCM with an ICV too short to be wanted
		*out = SA_CIPHER_AES_GCM_16;
		return true;
	default:
		return false;
	}
}

uint8_t proposal_attr_transform(const struct esp_suite *s)
{
	static const uint8_t ids[] = {
		[SA_CIPHER_NULL] = 11,    [SA_CIPHER_DES_CBC] = 2,     [SA_CIPHER_3DES_CBC] = 3,
		[SA_CIPHER_AES_CBC] = 12, [SA_CIPHER_AES_GCM_16] = 20, [SA_CIPHER_CHACHA_POLY] = 0,
	};

	return ids[s->cipher];
}

static bool esp_auth_from(uint32_t number, uint8_t *out)
{
	static const uint8_t auths[] = {
		SA_AUTH_NONE,
		SA_AUTH_HMAC_MD5_96,
		SA_AUTH_HMAC_SHA1_96,
		SA_AUTH_NONE, // DES-MAC
		SA_AUTH_NONE, // KPDK
		SA_AUTH_HMAC_SHA256_128,
		SA_AUTH_HMAC_SHA384_192,
		SA_AUTH_HMAC_SHA512_256,
	};

	if (number >= sizeof(auths))
		return false;
	*out = auths[number];
	return *out != SA_AUTH_NONE || number == 0;
}

static bool encap_from(const struct collected *c, struct esp_suite *s, enum sa_encap *encap)
{
	switch (c->value[ESP_ATTR_ENCAP]) {
	case 0: // not said: host-dependent (RFC 2407, 4.5), and this host makes tunnels
	case ENCAP_TUNNEL:
		s->mode = SA_MODE_TUNNEL;
		*encap = SA_ENCAP_NONE;
		return true;
	case ENCAP_TRANSPORT:
		s->mode = SA_MODE_TRANSPORT;
		*encap = SA_ENCAP_NONE;
		return true;
	case ENCAP_UDP_TUNNEL:
	case ENCAP_UDP_TUNNEL_DRAFT:
		s->mode = SA_MODE_TUNNEL;
		*encap = SA_ENCAP_UDP;
		return true;
	case ENCAP_UDP_TRANSPORT:
	case ENCAP_UDP_TRANSPORT_DRAFT:
		s->mode = SA_MODE_TRANSPORT;
		*encap = SA_ENCAP_UDP;
		return true;
	default:
		return false;
	}
}

bool proposal_attr_read_esp(uint8_t transform_id, const uint8_t *attributes, size_t len,
                            struct esp_suite *out, enum sa_encap *encap)
{
	const uint32_t known = 1u << ESP_ATTR_GROUP | 1u << ESP_ATTR_ENCAP | 1u << ESP_ATTR_AUTH |
	                       1u << ESP_ATTR_KEY_LENGTH | 1u << ESP_ATTR_ESN;
	struct collected c;

	if (!collect(attributes, len, known, ESP_ATTR_LIFE_TYPE, ESP_ATTR_LIFE_DURATION, &c))
		return false;
	*out = (struct esp_suite){
		.pfs_group = (uint16_t)c.value[ESP_ATTR_GROUP],
		.lifetime_seconds = c.seconds,
		.lifetime_kilobytes = c.kilobytes,
		.esn = c.seen & 1u << ESP_ATTR_ESN,
	};
	if (out->esn && c.value[ESP_ATTR_ESN] != ESN_64_BIT)
		return false;
	if (!esp_cipher_from(transform_id, &out->cipher) ||
	    !esp_auth_from(c.value[ESP_ATTR_AUTH], &out->auth) || !encap_from(&c, out, encap))
		return false;
	if (out->cipher == SA_CIPHER_AES_CBC || out->cipher == SA_CIPHER_AES_GCM_16)
		return aes_bits(&c, ESP_ATTR_KEY_LENGTH, &out->key_bits);
	return !(c.seen & 1u << ESP_ATTR_KEY_LENGTH);
}

static void put_basic(struct writer *w, uint16_t type, uint16_t value)
{
	writer_u16(w, ATTR_BASIC | type);
	writer_u16(w, value);
}

static void put_life(struct writer *w, uint16_t type_attr, uint16_t duration_attr,
                     enum life_type type, uint32_t value)
{
	if (!value)
		return;
	put_basic(w, type_attr, (uint16_t)type);
	if (value <= UINT16_MAX) {
		put_basic(w, duration_attr, (uint16_t)value);
		return;
	}
	writer_u16(w, duration_attr);
	writer_u16(w, 4);
	writer_u32(w, value);
}

void proposal_attr_write_ike(struct writer *w, const struct ike_suite *s)
{
	static const uint8_t ciphers[] = {0, 1, 5, 7}, hashes[] = {0, 1, 2, 4, 5, 6};

	put_basic(w, IKE_ATTR_ENCRYPTION, ciphers[s->cipher]);
	if (s->cipher == IKE_CIPHER_AES)
		put_basic(w, IKE_ATTR_KEY_LENGTH, s->key_bits);
	put_basic(w, IKE_ATTR_HASH, hashes[s->hash]);
	put_basic(w, IKE_ATTR_GROUP, s->group);
	put_basic(w, IKE_ATTR_AUTH, IKE_AUTH_PSK);
	put_life(w, IKE_ATTR_LIFE_TYPE, IKE_ATTR_LIFE_DURATION, LIFE_SECONDS, s->lifetime);
}

void proposal_attr_write_esp(struct writer *w, const struct esp_suite *s, enum sa_encap encap)
{
	static const uint8_t auths[] = {0, 1, 2, 5, 6, 7};
	uint16_t mode = s->mode == SA_MODE_TUNNEL ? ENCAP_TUNNEL : ENCAP_TRANSPORT;

	if (encap == SA_ENCAP_UDP)
		mode = s->mode == SA_MODE_TUNNEL ? ENCAP_UDP_TUNNEL : ENCAP_UDP_TRANSPORT;
	put_basic(w, ESP_ATTR_ENCAP, mode);
	put_life(w, ESP_ATTR_LIFE_TYPE, ESP_ATTR_LIFE_DURATION, LIFE_SECONDS, s->lifetime_seconds);
	put_life(w, ESP_ATTR_LIFE_TYPE, ESP_ATTR_LIFE_DURATION, LIFE_KILOBYTES,
	         s->lifetime_kilobytes);
	if (s->auth != SA_AUTH_NONE)
		put_basic(w, ESP_ATTR_AUTH, auths[s->auth]);
	if (s->cipher == SA_CIPHER_AES_CBC || s->cipher == SA_CIPHER_AES_GCM_16)
		put_basic(w, ESP_ATTR_KEY_LENGTH, s->key_bits);
	if (s->pfs_group)
		put_basic(w, ESP_ATTR_GROUP, s->pfs_group);
	if (s->esn)
		put_basic(w, ESP_ATTR_ESN, ESN_64_BIT);
}
