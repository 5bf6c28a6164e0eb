// See farm_esp.h. One thread: one cipher context for all.
#include "farm_esp.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define KEY     16
#define SALT    4
#define IV      8
#define ICV     16
#define HEAD    8 // SPI and sequence number, which are authenticated too
#define TRAILER 2 // pad length and next header
#define IN_IPV4 4 // next header: IPv4

static EVP_CIPHER_CTX *context;

static void start(const uint8_t key[FARM_ESP_KEY], const uint8_t iv[IV], int encrypt)
{
	uint8_t nonce[SALT + IV];

	memcpy(nonce, key + KEY, SALT);
	memcpy(nonce + SALT, iv, IV);
	if (!context) {
		context = EVP_CIPHER_CTX_new();
		if (!context || !EVP_CipherInit_ex(context, EVP_aes_128_gcm(), NULL, NULL, NULL, 1))
			abort();
	}
	if (!EVP_CipherInit_ex(context, NULL, NULL, key, nonce, encrypt))
		abort();
}

static void put32(uint8_t *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return ntohl(value);
}

int farm_esp_seal(struct farm_esp *e, uint32_t spi, const uint8_t *inner, uint16_t len,
                  uint8_t *out)
{
	unsigned pad = (4 - (len + TRAILER) % 4) % 4;
	uint8_t trailer[4 + TRAILER] = {1, 2, 3};
	uint8_t *at = out + HEAD + IV;
	int n;

	trailer[pad] = (uint8_t)pad;
	trailer[pad + 1] = IN_IPV4;
	put32(out, spi);
	put32(out + 4, ++e->sent);
	put32(out + HEAD, 0);
	put32(out + HEAD + 4, e->sent);
	start(e->key_out, out + HEAD, 1);
	if (!EVP_EncryptUpdate(context, NULL, &n, out, HEAD) ||
	    !EVP_EncryptUpdate(context, at, &n, inner, len) ||
	    !EVP_EncryptUpdate(context, at + len, &n, trailer, (int)(pad + TRAILER)) ||
	    !EVP_EncryptFinal_ex(context, NULL, &n))
		return -1;
	at += len + pad + TRAILER;
	if (!EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, ICV, at))
		return -1;
	return (int)(at + ICV - out);
}

int farm_esp_open(struct farm_esp *e, uint32_t spi, const uint8_t *esp, uint16_t len, uint8_t *out)
{
	int n, inside = len - HEAD - IV - ICV;
	uint32_t sequence;

	if (inside < TRAILER || get32(esp) != spi)
		return -1;
	sequence = get32(esp + 4);
	start(e->key_in, esp + HEAD, 0);
	if (!EVP_DecryptUpdate(context, NULL, &n, esp, HEAD) ||
	    !EVP_DecryptUpdate(context, out, &n, esp + HEAD + IV, inside) ||
	    !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ICV,
	                         (void *)(uintptr_t)(esp + len - ICV)) ||
	    EVP_DecryptFinal_ex(context, NULL, &n) <= 0 || sequence <= e->heard)
		return -1;
	e->heard = sequence;
	if (out[inside - 1] != IN_IPV4 || out[inside - 2] + TRAILER > inside)
		return -1;
	return inside - TRAILER - out[inside - 2];
}
