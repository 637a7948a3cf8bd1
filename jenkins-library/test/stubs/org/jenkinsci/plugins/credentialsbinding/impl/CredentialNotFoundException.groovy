package org.jenkinsci.plugins.credentialsbinding.impl

/** Stands for the Credentials Binding plugin's class of the same name. */
class CredentialNotFoundException extends Exception {
    CredentialNotFoundException(String message) { super(message) }
}
