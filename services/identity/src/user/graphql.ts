import { PasswordRefusal } from "./password";
